package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
)

// TestBadInputIsRefusedWithItsFieldAndChangesNothing: each kind of bad input, over operations that change something.
func TestBadInputIsRefusedWithItsFieldAndChangesNothing(t *testing.T) {
	t.Parallel()
	s, d := onStore(t)
	tag := s.applied(t, "orders", "200")
	require.Equal(t, 200, s.call(t, "PUT", "/api/v1/flows/orders/draft", `{"text":"a"}`).Code)
	otherPage := cursorOf("audit", "x").page("7")
	viewer := access.Actor{ID: "token:v", Role: access.Viewer}
	before, err := d.Revision(t.Context())
	require.NoError(t, err)
	trail := len(decode[AuditList](t, s.call(t, "GET", "/api/v1/audit?limit=200", "")).Entries)
	for name, c := range map[string]struct {
		actor          access.Actor
		method, target string
		body           string
		headers        []string
		want           int
		kind, pointer  string
	}{
		"a wrong type": {access.Local, "PUT", "/api/v1/flows/orders/labels", `{"labels":[1]}`, nil, 400,
			"malformed-request", "/body/labels/0"},
		"a wrong type in the query": {access.Local, "GET", "/api/v1/flows?limit=many", "", nil, 400,
			"malformed-request", "/query/limit"},
		"no JSON": {access.Local, "PUT", "/api/v1/flows/orders/labels", `{`, nil, 400, "malformed-request", "/body"},
		"an unknown field": {access.Local, "PUT", "/api/v1/flows/orders/labels", `{"labels":[],"lables":[]}`, nil, 400,
			"malformed-request", "/body/lables"},
		"an unknown parameter": {access.Local, "POST", "/api/v1/flows/orders/disable?now=1", "", nil, 400,
			"malformed-request", "/query/now"},
		"an unknown field of a flow": {access.Local, "PUT", "/api/v1/flows/orders",
			flowText("orders", "201") + "colour: red\n", nil, 422, "invalid-body", "/body/colour"},
		"a key that is not that of the path": {access.Local, "PUT", "/api/v1/flows/orders", flowText("other", "200"),
			nil, 400, "malformed-request", "/body/key"},
		"a stale ETag": {access.Local, "PUT", "/api/v1/flows/orders", flowText("orders", "201"),
			[]string{"If-Match", `"99"`}, 412, "stale", "/header/If-Match"},
		"an ETag that is none": {access.Local, "PUT", "/api/v1/flows/orders", flowText("orders", "201"),
			[]string{"If-Match", "7"}, 400, "malformed-request", "/header/If-Match"},
		"a stale ETag of a deletion": {access.Local, "DELETE", "/api/v1/flows/orders", "",
			[]string{"If-Match", `"99"`}, 412, "stale", "/header/If-Match"},
		"a stale revision of a draft": {access.Local, "PUT", "/api/v1/flows/orders/draft", `{"text":"b"}`,
			[]string{"If-Match", `"99"`}, 412, "stale", "/header/If-Match"},
		"a missing role": {viewer, "PUT", "/api/v1/flows/orders", flowText("orders", "201"), nil, 403,
			"not-permitted", ""},
		"no rights at all": {access.Actor{}, "DELETE", "/api/v1/flows/orders", "", nil, 403, "not-permitted", ""},
		"a name that exists": {access.Local, "PUT", "/api/v1/flows/orders", flowText("orders", "201"),
			[]string{"If-None-Match", "*"}, 412, "stale", "/header/If-Match"},
		"a cursor of another list": {access.Local, "GET", "/api/v1/flows?page=" + otherPage, "", nil, 400,
			"malformed-request", "/query/page"},
		"a cursor that is none": {access.Local, "GET", "/api/v1/audit?page=abc", "", nil, 400, "malformed-request",
			"/query/page"},
		"a version that does not exist": {access.Local, "POST", "/api/v1/flows/orders/versions/9/enable", "", nil, 404,
			"not-found", ""},
		"a bad idempotency key": {access.Local, "POST", "/api/v1/flows/orders/disable", "",
			[]string{keyHeader, "a b"}, 400, "malformed-request", "/header/Idempotency-Key"},
	} {
		w := s.as(c.actor, c.method, c.target, c.body, c.headers...)
		require.Equal(t, c.want, w.Code, "%s: %s", name, w.Body)
		require.Equal(t, problemType, w.Header().Get("Content-Type"), name)
		require.Contains(t, w.Body.String(), `"type":"urn:everhook:problem:`+c.kind+`"`, name)
		if c.pointer != "" {
			require.Contains(t, w.Body.String(), `"pointer":"`+c.pointer+`"`, name)
		}
	}
	after, err := d.Revision(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after, "nothing is half applied")
	require.Equal(t, tag, s.call(t, "GET", "/api/v1/flows/orders", "").Header().Get("ETag"))
	require.Len(t, decode[AuditList](t, s.call(t, "GET", "/api/v1/audit?limit=200", "")).Entries, trail)
}
