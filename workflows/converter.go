package workflows

import (
	"encoding/json"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/everhook/everhook"
)

// compressAbove is the size in bytes from which payloads are compressed. Smaller ones stay readable in the Temporal UI
// without a codec.
const compressAbove = 4 << 10

// DataConverter writes payloads as JSON without HTML escaping, compressed above 4 KiB. Client and worker use it; every
// encoding is one that the Temporal SDK's own converters read.
func DataConverter() converter.DataConverter {
	return converter.NewCodecDataConverter(converter.NewCompositeDataConverter(
		converter.NewNilPayloadConverter(), converter.NewByteSlicePayloadConverter(),
		converter.NewProtoJSONPayloadConverter(), converter.NewProtoPayloadConverter(),
		jsonConverter{converter.NewJSONPayloadConverter()},
	), PayloadCodec())
}

// PayloadCodec compresses large payloads. The Temporal UI uses it through a codec endpoint.
func PayloadCodec() converter.PayloadCodec {
	return compressor{converter.NewZlibCodec(converter.ZlibCodecOptions{})}
}

type jsonConverter struct {
	*converter.JSONPayloadConverter
}

// ToPayload differs from the SDK's in not escaping "<", ">" and "&", which would become six bytes each.
func (c jsonConverter) ToPayload(value any) (*commonpb.Payload, error) {
	if raw, ok := value.(json.RawMessage); ok {
		return &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(c.Encoding())},
			Data: raw}, nil
	}
	data, err := everhook.EncodeJSON(value)
	if err != nil {
		return nil, err
	}
	return &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(c.Encoding())}, Data: data},
		nil
}

// compressed is the encoding of payloads that the SDK's codec has compressed.
const compressed = "binary/zlib"

type compressor struct{ zlib converter.PayloadCodec }

func (c compressor) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		encoded[i] = payload
		if len(payload.GetData()) <= compressAbove ||
			string(payload.GetMetadata()[converter.MetadataEncoding]) == compressed {
			continue
		}
		one, err := c.zlib.Encode([]*commonpb.Payload{payload})
		if err != nil {
			return nil, err
		}
		encoded[i] = one[0]
	}
	return encoded, nil
}

func (c compressor) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return c.zlib.Decode(payloads)
}
