package expression

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestURLsEncodeWhatIsInserted(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{`https://api.example.com/orders`, `https://api.example.com/orders`},
		{`https://api.example.com/orders/{{ trigger.body.order.id }}/items`, `https://api.example.com/orders/7/items`},
		{`https://api.example.com/{{ trigger.query.q }}`, `https://api.example.com/a%20b&c%2Fd`},
		{`https://api.example.com/?q={{ trigger.query.q }}&n={{ trigger.body.number }}#{{ trigger.query.q }}`,
			`https://api.example.com/?q=a+b%26c%2Fd&n=5#a+b%26c%2Fd`}, {`https://api.example.com?q={{ "?x=/" }}`,
			`https://api.example.com?q=%3Fx%3D%2F`}, {`https://{{ env.HOST }}/x`, `https://api.example.com/x`},
		{`https://{{ env.HOST ?? "localhost" }}:8080/x`, `https://api.example.com:8080/x`},
		{`{{ env.BASE }}/orders/{{ "a/b" }}`, `https://api.example.com/v1/orders/a%2Fb`},
		{`{{ env.BASE }}?q={{ "a&b" }}`, `https://api.example.com/v1?q=a%26b`},
		{`{{ env.SCHEME ?? "http" }}://{{ env.HOST }}`, `http://api.example.com`},
		{`{{ "https://other.example/" + trigger.body.text }}`, `https://other.example/größe`},
		{`HTTPS://api.example.com/{{ "..." }}`, `HTTPS://api.example.com/...`},
		{`https://api.example.com/a{{ trigger.body.missing }}b`, `https://api.example.com/ab`},
	} {
		f := field(t, &URL{}, c[0])
		sealed, err := f.EvalSealed(testScope(t))
		require.NoError(t, err, c[0])
		assert.Equal(t, everhook.Sealed{Value: everhook.Value{V: c[1]}}, sealed, c[0])
		text, err := f.Eval(testScope(t))
		require.NoError(t, err, c[0])
		assert.Equal(t, c[1], text)
	}
}

func TestSecretsInURLsAreEncodedWhenTheyAreThere(t *testing.T) {
	t.Parallel()
	sealed, err := field(t, &URL{},
		`https://{{ secret.HOST }}/bot{{ secret.TOKEN }}/send?key={{ secret.KEY }}&`+
			`id={{ trigger.body.order.id }}`).EvalSealed(testScope(t))
	require.NoError(t, err)
	opened, err := sealed.Open(func(name string) (string, error) {
		return map[string]string{"HOST": "h.example", "TOKEN": "a/b", "KEY": "c&d"}[name], nil
	})
	require.NoError(t, err)
	require.Equal(t, "https://h.example/bota%2Fb/send?key=c%26d&id=7", opened)
	whole, err := field(t, &URL{}, `{{ secret.HOOK }}`).EvalSealed(testScope(t))
	require.NoError(t, err)
	require.Equal(t, []everhook.Place{{Segments: []everhook.Segment{{Secret: "HOOK"}}}}, whole.Places)
}

func TestOnlyEnvAndSecretSupplySchemeAndHost(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`https://{{ trigger.body.host }}/x`, `https://api.example.com{{ trigger.body.path }}`,
		`{{ trigger.body.base }}/orders`, `https://{{ env.HOST }}{{ trigger.body.path }}/x`,
		`{{ env.BASE }}{{ nodes.charge.body }}`, `https://{{ env.HOST ?? trigger.body.host }}/`,
		`{{ env.BASE }}&q={{ loop.item }}`, `{{ system.runId }}://x/`,
	} {
		f := &URL{}
		require.NoError(t, f.Decode(source), source)
		problems := f.Compile("/config/url", testEnvironment())
		require.Len(t, problems, 1, source)
		require.Equal(t, "/config/url", problems[0].Pointer)
		require.Contains(t, problems[0].Message, "only env and secret may supply the scheme or host of a url\n | "+
			source)
		require.Equal(t, "write the host itself, or let one template give the whole url", problems[0].Fix)
	}
}

func TestURLsThatCannotBeCalledAreRefused(t *testing.T) {
	t.Parallel()
	for v, want := range map[any]string{
		"/orders":                 `"/orders" is not an address like https://api.example.com/orders`,
		"ftp://example.com/":      `"ftp://example.com/" is not an address like https://api.example.com/orders`,
		"https://":                `"https://" is not an address like https://api.example.com/orders`,
		"api.example.com/{{ 1 }}": `a url starts with https:// or http://, not with "api.example.com/"`,
		"file:///etc/{{ 1 }}":     `a url starts with https:// or http://, not with "file:///etc/"`,
		"https://example.com/{{ 1 ": "the template is not closed; close it with `}}`, or write `{{ \"{{\" }}` for " +
			"the braces themselves\n | https://example.com/{{ 1 \n |                     ^",
		7: "a number where a url is needed; write for example " +
			"https://api.example.com/orders/{{ trigger.body.id }}",
	} {
		require.EqualError(t, new(URL).Decode(v), want)
	}
	for source, want := range map[string]string{
		`{{ trigger.body.text }}`: `config.field: "größe" is not an address like ` +
			`https://api.example.com/orders`,
		`{{ trigger.body.missing }}`: "config.field: nil where text is needed; use `?? \"\"`",
		`{{ env.MISSING }}/x`: `config.field: "/x" is not an address like ` +
			`https://api.example.com/orders`,
		`https://api.example.com/{{ ".." }}/x`: `config.field: the path has the segment "..", which would ` +
			`lead elsewhere`,
		`https://api.example.com/.{{ "." }}`: `config.field: the path has the segment "..", which would ` +
			`lead elsewhere`,
		`https://api.example.com/%2E{{ "." }}?x={{1}}`: `config.field: the path has the segment "%2E.", which would ` +
			`lead elsewhere`,
		`https://x.example/{{ trigger.body.a + 1 }}`: "`trigger.body.a` is nil; use `?? 0`",
	} {
		f := field(t, &URL{}, source)
		_, err := f.EvalSealed(testScope(t))
		require.EqualError(t, err, want, source)
		_, err = f.Eval(testScope(t))
		require.EqualError(t, err, want, source)
	}
	_, err := field(t, &URL{}, `https://api.example.com/{{ secret.A }}/{{ ".." }}`).EvalSealed(testScope(t))
	require.EqualError(t, err, `config.field: the path has the segment "..", which would lead elsewhere`)
}

func TestAURLThatIsNotSetIsEmpty(t *testing.T) {
	t.Parallel()
	var f URL
	text, err := f.Eval(&Scope{})
	require.NoError(t, err)
	require.Empty(t, text)
	sealed, err := f.EvalSealed(&Scope{})
	require.NoError(t, err)
	require.Zero(t, sealed)
}

func TestASlashInTheValueOfAURLIsWarnedOf(t *testing.T) {
	t.Parallel()
	const path = `https://api.example.com/repos/`
	for source, want := range map[string]string{
		path + `{{ trigger.body.repository.full_name }}/issues`: "`trigger.body.repository.full_name` usually " +
			"has slashes",
		path + `{{ trigger.body.project["path_with_namespace"] }}`: "",
		path + `{{ trigger.body.project.path_with_namespace }}`:    "usually has slashes",
		path + `{{ path(trigger.body.repository.full_name) }}`:     "",
		path + `{{ urlEncode(trigger.body.ref) }}`:                 "",
		path + `?ref={{ trigger.body.ref }}`:                       "",
		path + `{{ trigger.body.pathology }}`:                      "",
	} {
		problems := field(t, &URL{}, source).Compile("/config/url", testEnvironment())
		if want == "" {
			require.Empty(t, problems, source)
			continue
		}
		require.Len(t, problems, 1, source)
		require.True(t, problems[0].Warning)
		require.Contains(t, problems[0].Message, want)
		require.Contains(t, problems[0].Fix, "{{ path(")
	}

	for source, want := range map[string]bool{
		path + `{{ trigger.query.q }}`: true, path + `{{ path(trigger.query.q) }}`: false,
		path + `{{ urlEncode(trigger.query.q) }}`: false, path + `?q={{ trigger.query.q }}`: false,
		path + `{{ trigger.body.order.id }}`: false,
	} {
		var warnings []string
		scope := testScope(t)
		scope.Warn = func(text string) { warnings = append(warnings, text) }
		_, err := field(t, &URL{}, source).EvalSealed(scope)
		require.NoError(t, err)
		require.Len(t, warnings, map[bool]int{true: 1}[want], source)
		if want {
			require.Equal(t, "\"a b&c/d\", the value of `trigger.query.q` in a url, has a slash, which is sent as "+
				"%2F; write `{{ path(trigger.query.q) }}` to keep it, or `{{ urlEncode(trigger.query.q) }}` if %2F "+
				"is right",
				warnings[0])
		}
	}
}
