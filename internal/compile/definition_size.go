package compile

import (
	"bytes"
	"compress/zlib"
	"fmt"

	"github.com/everhook/everhook"
)

// MaxDefinition bounds a definition, compressed as every run carries it: 256 KiB. That is far more than MaxNodes nodes
// that a person wrote.
const MaxDefinition everhook.Size = 256 << 10

// size reports a definition that is too large for runs to carry.
func (c *compiler) size() {
	encoded, err := everhook.EncodeJSON(c.flow.Definition)
	if err != nil || len(encoded) <= int(MaxDefinition) {
		return // What cannot be encoded has problems of its own.
	}
	var compressed bytes.Buffer
	writer := zlib.NewWriter(&compressed)
	_, err = writer.Write(encoded)
	if err == nil {
		err = writer.Close()
	}
	if size := compressed.Len(); err == nil && size > int(MaxDefinition) {
		c.error("/nodes", "", fmt.Sprintf("the definition is larger than %s: %d bytes, compressed", MaxDefinition,
			size),
			"split it into several flows, or fetch large constants when the flow runs")
	}
}
