package everhook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// FuzzXMLThatIsWritten checks that what was read from XML is read again from the XML that is written of it.
func FuzzXMLThatIsWritten(f *testing.F) {
	for _, seed := range []string{`<a/>`, `<a b="1&#10;2" c='"'>x<d/><d>y &amp; z</d>w</a>`, `<a> <b>&#13;</b></a>`,
		`<s:a xmlns:s="u" s:b="1" b="2"/>`, `<größe>ü</größe>`, `<a><![CDATA[<b>]]></a>`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		read, err := everhook.ParseXML(document)
		if err != nil {
			return
		}
		written, err := everhook.EncodeXML(map[string]any(read), 1<<20)
		if err != nil {
			return // names that XML has and few use, or attributes that differ in their prefix only
		}
		again, err := everhook.ParseXML([]byte(written))
		require.NoError(t, err, written)
		require.Equal(t, read, again, written)
	})
}
