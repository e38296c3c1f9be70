package httprequest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/everhook/everhook"
)

// isXMLData reports whether a media type is one of XML that holds data. Pages and pictures stay text.
func isXMLData(media string) bool {
	return isXML(media) && media != "application/xhtml+xml" && media != "image/svg+xml"
}

// readXML reads a body of XML in UTF-8 in the form of everhook.ParseXML. One that cannot be read is an error with its
// line and column; if lenient, there is no value, and note says why. More than maxValues values are an
// *everhook.ValuesError.
func readXML(data []byte, lenient bool, maxValues int) (v any, note string, err error) {
	document, err := everhook.ParseXMLWithin(bytes.TrimPrefix(data, []byte("\ufeff")), maxValues)
	_, tooMany := errors.AsType[*everhook.ValuesError](err)
	switch {
	case err == nil:
		return map[string]any(document), "", nil
	case tooMany:
		return nil, "", err
	case lenient:
		return nil, fmt.Sprintf("the XML of the answer stays text: %v", err), nil
	default:
		return nil, "", fmt.Errorf("its XML has an error at %w; set `lenient: true` to get it as text", err)
	}
}
