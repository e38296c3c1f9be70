package deliverylog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/deliverylog"
)

func FuzzDecode(f *testing.F) {
	data, err := deliverylog.Encode(&deliverylog.Request{Method: "POST", Query: "a=1", Body: []byte("body")})
	require.NoError(f, err)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		request, err := deliverylog.Decode(data)
		if err != nil {
			return
		}
		again, err := deliverylog.Encode(request)
		require.NoError(t, err)
		same, err := deliverylog.Decode(again)
		require.NoError(t, err)
		require.Equal(t, request, same)
	})
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"password": "x", "a": [{"token": 5}]}`, "application/json")
	f.Add("a[password]=x&b", "application/x-www-form-urlencoded")
	f.Add("%zz=password&=&[&]token", "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		once := deliverylog.RedactBody([]byte(body), contentType)
		require.Equal(t, string(once), string(deliverylog.RedactBody(once, contentType)), "it is stable")
		require.Equal(t, deliverylog.RedactQuery(deliverylog.RedactQuery(body)), deliverylog.RedactQuery(body))
	})
}

func FuzzFields(f *testing.F) {
	f.Add("order.id", `{"order": {"id": [1, "a", null, [2]]}}`)
	f.Add("query.a", `7`)
	f.Fuzz(func(t *testing.T, text, document string) {
		path, err := everhook.ParsePath(text)
		if err != nil {
			return
		}
		body, err := everhook.ParseJSON([]byte(document))
		if err != nil {
			return
		}
		for _, field := range deliverylog.FieldsOf([]everhook.Path{path}, nil, everhook.Mapping{"a": "1"}, body) {
			require.LessOrEqual(t, len(field.Value), deliverylog.MaxValue)
		}
	})
}
