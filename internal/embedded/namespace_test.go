//go:build !noembedded

package embedded

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"google.golang.org/protobuf/proto"
)

func TestSearchAttributesKeepTheirColumns(t *testing.T) {
	t.Parallel()
	c := &persistencespb.NamespaceConfig{}
	require.NoError(t, configure(c, Options{SearchAttributes: keywords("b"), Retention: time.Hour}))
	require.NoError(t, configure(c, Options{SearchAttributes: keywords("a", "b", "c"), Retention: time.Hour}))
	require.Equal(t, map[string]string{"Keyword01": "b", "Keyword02": "a", "Keyword03": "c"},
		c.CustomSearchAttributeAliases)

	before := proto.Clone(c)
	require.NoError(t, configure(c, Options{SearchAttributes: keywords("a"), Retention: time.Hour}))
	require.True(t, proto.Equal(before, c), "what is there stays")
}

func TestMoreSearchAttributesThanColumnsAreRefused(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 11 {
		names = append(names, fmt.Sprintf("key%02d", i))
	}
	err := configure(&persistencespb.NamespaceConfig{}, Options{SearchAttributes: keywords(names...)})
	require.ErrorContains(t, err, `search attribute "key10": the namespace has no room for another one of type Keyword`)
}

func keywords(names ...string) map[string]enumspb.IndexedValueType {
	attributes := make(map[string]enumspb.IndexedValueType, len(names))
	for _, name := range names {
		attributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	return attributes
}

func TestTheServerDoesNotCallHome(t *testing.T) {
	t.Parallel()
	collection := dynamicconfig.NewCollection(tuning(), log.NewNoopLogger())
	require.False(t, dynamicconfig.EnableServerVersionCheck.Get(collection)())
}
