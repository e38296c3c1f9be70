package runs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/everhook/everhook"
)

// stored is the head of a prepared run as bytes. It is kept in inboxes: fields are only added.
type stored struct {
	// Delivery has no data: that is part of the input of the run.
	Delivery   everhook.Delivery         `json:"delivery"`
	Duplicates *everhook.DuplicatePolicy `json:"duplicates,omitempty"`
	// Level is the engine level of the run's input, which decides the task queue.
	Level int `json:"level"`
	// Details are those of the trigger.
	Details string `json:"details,omitempty"`
	// Attributes is set if the run has search attributes.
	Attributes bool `json:"attributes,omitempty"`
	// Answer is the answer that the caller got before the run was started.
	Answer *everhook.Answer `json:"answer,omitempty"`
}

// Version names the version of the run.
func (p *Prepared) Version() *everhook.Version { return p.call.version }

// Delivery is the run's, without its data.
func (p *Prepared) Delivery() everhook.Delivery { return p.call.delivery }

// Store returns the prepared run as bytes: a Starter of this or a later release reads them, together with the version.
func (p *Prepared) Store() ([]byte, error) {
	c := p.call
	head, err := json.Marshal(stored{Delivery: c.delivery, Duplicates: c.delivery.Duplicates, Level: c.level,
		Details: c.details, Attributes: c.attributes, Answer: c.early})
	if err != nil {
		return nil, err
	}
	input := c.arguments[1].(converter.RawValue).Payload()
	data := make([]byte, 0, binary.MaxVarintLen64+len(head)+proto.Size(input))
	data = append(binary.AppendUvarint(data, uint64(len(head))), head...)
	return proto.MarshalOptions{}.MarshalAppend(data, input)
}

// Restore reads what Store returned for a run of the version. Its error says that the run can never be started.
func (s *Starter) Restore(version *everhook.Version, data []byte) (*Prepared, error) {
	flow, err := s.compiled(version)
	if err != nil {
		return nil, err
	}
	head, rest, err := readStored(data)
	if err != nil {
		return nil, err
	}
	input := &commonpb.Payload{}
	if err := proto.Unmarshal(rest, input); err != nil {
		return nil, fmt.Errorf("the stored delivery cannot be read: %w", err)
	}
	definition, err := s.definition(flow)
	if err != nil {
		return nil, err
	}
	c := &call{version: version, arguments: definition.With(converter.NewRawValue(input)),
		delivery: head.Delivery, level: head.Level, details: head.Details, attributes: head.Attributes,
		early: head.Answer}
	c.delivery.Duplicates = head.Duplicates
	s.present(c)
	return &Prepared{s, c}, nil
}

// readStored reads the head of what Store returned, and returns the rest.
func readStored(data []byte) (head stored, rest []byte, err error) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return head, nil, errors.New("the stored delivery cannot be read: its head is cut off")
	}
	if err := json.Unmarshal(data[n:n+int(size)], &head); err != nil {
		return head, nil, fmt.Errorf("the stored delivery cannot be read: %w", err)
	}
	return head, data[n+int(size):], nil
}

// StoredDelivery returns the delivery of a run that Store returned, without its data.
func StoredDelivery(data []byte) (everhook.Delivery, error) {
	head, _, err := readStored(data)
	return head.Delivery, err
}
