package everhook_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestAStoredDeliveryMayHaveABodyAsDeepAsIsAccepted(t *testing.T) {
	t.Parallel()
	body, err := everhook.ParseJSON([]byte(strings.Repeat("[", everhook.MaxDepth) + strings.Repeat("]",
		everhook.MaxDepth)))
	require.NoError(t, err)
	data, err := json.Marshal(everhook.Delivery{Trigger: everhook.Mapping{"body": body}})
	require.NoError(t, err)
	var stored everhook.Delivery
	require.NoError(t, json.Unmarshal(data, &stored))
	require.Equal(t, body, stored.Trigger["body"])

	var mapping everhook.Mapping
	require.ErrorContains(t, json.Unmarshal([]byte(`{"a":`+strings.Repeat("[", everhook.MaxDepth+1)), &mapping),
		"unexpected end")
	require.ErrorContains(t,
		json.Unmarshal([]byte(`{"a":`+strings.Repeat("[", everhook.MaxDepth+1)+strings.Repeat("]", everhook.MaxDepth+1)+
			"}"), &mapping), "nested deeper than 101")
}

func TestWhereBytesAreNotUTF8IsTold(t *testing.T) {
	t.Parallel()
	require.NoError(t, everhook.CheckUTF8([]byte("é")))
	require.EqualError(t, everhook.CheckUTF8([]byte("a\né\xff")), "line 2, column 3: invalid UTF-8")
}
