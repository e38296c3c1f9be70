package deliverylog

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// maxRequest bounds a request that is decoded: a body with its headers.
const maxRequest = 4 << 20

var (
	compressor, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	decompressor, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRequest))
)

// encode returns a request as it is stored: the length of its head, the head, and the body, compressed.
func encode(r *Request) ([]byte, error) {
	head := *r
	head.Body = nil
	data, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, 0, binary.MaxVarintLen64+len(data)+len(r.Body))
	plain = append(append(binary.AppendUvarint(plain, uint64(len(data))), data...), r.Body...)
	return compressor.EncodeAll(plain, nil), nil
}

// decode reads what encode returned.
func decode(data []byte) (*Request, error) {
	plain, err := decompressor.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("the kept request cannot be read: %w", err)
	}
	size, n := binary.Uvarint(plain)
	if n <= 0 || size > uint64(len(plain)-n) {
		return nil, errors.New("the kept request cannot be read: its head is cut off")
	}
	r := &Request{}
	if err := json.Unmarshal(plain[n:n+int(size)], r); err != nil {
		return nil, fmt.Errorf("the kept request cannot be read: %w", err)
	}
	r.Body = plain[n+int(size):]
	return r, nil
}
