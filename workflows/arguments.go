package workflows

import (
	"encoding/json"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/everhook/everhook"
)

// Arguments are values as Temporal gets them, of the type converter.RawValue. They are encoded once, for all requests
// that send them, so that the values can be dropped.
type Arguments []any

// Size is how many bytes the arguments have.
func (a Arguments) Size() (size int) {
	for _, argument := range a {
		size += len(argument.(converter.RawValue).Payload().GetData())
	}
	return size
}

// EncodedDefinition is a definition as Temporal gets it. Encode it once for all runs of a version.
type EncodedDefinition struct {
	argument any
	// size is that of the JSON.
	size int
}

// EncodeDefinition encodes a definition.
func EncodeDefinition(definition json.RawMessage) (EncodedDefinition, error) {
	arguments, _, _, err := encode(0, definition)
	if err != nil {
		return EncodedDefinition{}, err
	}
	return EncodedDefinition{arguments[0], len(definition)}, nil
}

// With makes the arguments of a run of another encoded argument, which StartArguments has made for the same definition.
func (d EncodedDefinition) With(start converter.RawValue) Arguments {
	return Arguments{d.argument, start}
}

// StartArguments encodes the arguments of a run. It returns an *everhook.Error of type limit if Temporal would not take
// them.
func StartArguments(definition EncodedDefinition, start Start) (Arguments, error) {
	arguments, size, limit, err := encode(start.MaxPayload, start)
	if err != nil {
		return nil, err
	}
	arguments = slices.Insert(arguments, 0, definition.argument)
	if size += definition.size; limit == maxEncoded {
		size = arguments.Size()
	}
	if size > limit {
		return nil, everhook.Errorf(everhook.TypeLimit,
			"the delivery is larger than a run can be started with: %d bytes of %d", size, limit)
	}
	return arguments, nil
}

// CallArguments encodes a call for the run that waits for it. It returns an *everhook.Error of type limit if the call
// is too large for its run. Stored is Start.MaxPayload.
func CallArguments(stored int, call everhook.ResumeCall) (Arguments, error) {
	arguments, size, limit, err := encode(stored, call)
	if err == nil && size > limit {
		err = everhook.Errorf(everhook.TypeLimit, "the call is larger than a run can keep: %d bytes of %d", size, limit)
	}
	return arguments, err
}

// encode encodes values that a client or a query hands to Temporal, and returns their size and its limit. The size is
// that of the JSON if large values are kept outside of histories (stored is Start.MaxPayload), else that of the
// payloads.
func encode(stored int, values ...any) (arguments Arguments, size, limit int, err error) {
	payloads := make([]*commonpb.Payload, len(values))
	for i, value := range values {
		if payloads[i], err = (jsonConverter{converter.NewJSONPayloadConverter()}).ToPayload(value); err != nil {
			return nil, 0, 0, err
		}
		size += len(payloads[i].GetData())
	}
	if payloads, err = PayloadCodec().Encode(payloads); err != nil {
		return nil, 0, 0, err
	}
	for _, payload := range payloads {
		arguments = append(arguments, converter.NewRawValue(payload))
	}
	if stored <= MaxPayload {
		return arguments, arguments.Size(), maxEncoded, nil
	}
	return arguments, size, stored, nil
}
