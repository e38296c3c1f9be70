package expression

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// placeScope has texts that would break out of every language.
func placeScope(t *testing.T) *Scope {
	scope := testScope(t)
	body := scope.Values["trigger"].(map[string]any)["body"].(map[string]any)
	body["name"] = `A&B <Co> "x" 'y'`
	body["markup"] = "<Hangup/>"
	body["cdata"] = "a]]>b"
	body["quote"] = "say \"hi\"\\\n"
	body["repo"] = "octo org/hello?world"
	return scope
}

func evalText(t *testing.T, text string) string {
	var field Template[any]
	require.NoError(t, field.Decode(text), text)
	for _, problem := range field.Compile("/text", testEnvironment()) {
		require.True(t, problem.Warning, problem.Message)
	}
	v, err := field.Eval(placeScope(t))
	require.NoError(t, err, text)
	s, ok := v.(string)
	require.True(t, ok, text)
	return s
}

func TestXMLAndHTMLEscapeWhatIsInserted(t *testing.T) {
	t.Parallel()
	const name = "A&amp;B &lt;Co&gt; &#34;x&#34; &#39;y&#39;"
	for text, want := range map[string]string{
		`<name>{{ trigger.body.name }}</name>`: `<name>` + name +
			`</name>`,
		"<?xml version=\"1.0\"?>\n<a b='{{ trigger.body.name }}'/>": "<?xml version=\"1.0\"?>\n<a b='" + name + "'/>",
		`<Response><Say>{{ trigger.body.markup }}</Say></Response>`: `<Response><Say>&lt;Hangup/&gt;</Say></Response>`,
		`Hello <b>{{ trigger.body.name }}</b>!`: `Hello <b>` +
			name + `</b>!`,
		`one<br>{{ trigger.body.markup }}`:                                                     `one<br>&lt;Hangup/&gt;`,
		`<soap:Envelope xmlns:soap="x"><a>{{ trigger.body.markup }}</a>`:                       `<soap:Envelope xmlns:soap="x"><a>&lt;Hangup/&gt;</a>`,
		`<a href="https://shop.example/{{ trigger.body.name }}">{{ trigger.body.number }}</a>`: `<a href="https://shop.example/` + name + `">5</a>`,
		`<a><![CDATA[{{ trigger.body.cdata }}]]></a>`:                                          `<a><![CDATA[a]]]]><![CDATA[>b]]></a>`,
		`<p>{{ raw(trigger.body.markup) }}</p>`:                                                `<p><Hangup/></p>`,
		`<p>{{ htmlEscape(trigger.body.markup) }}</p>`:                                         `<p>&lt;Hangup/&gt;</p>`,
		`<p>{{ trigger.body.markup | xmlEscape() }}</p>`:                                       `<p>&lt;Hangup/&gt;</p>`,
		`<a href="{{ raw(htmlEscape(trigger.body.name)) }}">x</a>`: `<a href="` +
			name + `">x</a>`,
		`<kml xmlns="http://www.opengis.net/kml/2.2"><Style>{{ trigger.body.markup }}</Style></kml>`: `<kml xmlns="http://www.opengis.net/kml/2.2"><Style>&lt;Hangup/&gt;</Style></kml>`,
		`<p>{{ trigger.body.map }}</p>`: `<p>{&#34;a&#34;:1,&#34;b&#34;:2,&#34;c&#34;:{&#34;d&#34;:[1,2]}}</p>`,
		// Not markup: nothing is escaped.
		`<{{ trigger.body.name }}|link>`:                   `<A&B <Co> "x" 'y'|link>`,
		`<https://x.example/{{ trigger.body.markup }}|it>`: `<https://x.example/<Hangup/>|it>`,
		`<@{{ trigger.body.name }}> 1 < 2`:                 `<@A&B <Co> "x" 'y'> 1 < 2`,
		`x < y and {{ trigger.body.markup }}`:              `x < y and <Hangup/>`,
	} {
		assert.Equal(t, want, evalText(t, text), text)
	}
}

func TestAnInsertionThatNothingMakesSafeIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<p><script>var a = "{{ trigger.body.name }}"</script></p>`: "a value cannot be inserted into a script or " +
			"style, where no escape makes it safe",
		`<p><style>{{ trigger.body.name }}</style></p>`: "a value cannot be inserted into a script or " +
			"style, where no escape makes it safe",
		`<p><!-- {{ trigger.body.name }} --></p>`: "a value cannot be inserted into a comment, " +
			"where no escape makes it safe",
		`<p><{{ trigger.body.name }}></p>`: "a value cannot be inserted into a tag or the " +
			"name of an attribute, where no escape makes it safe",
		`<p {{ trigger.body.name }}="x"></p>`: "a value cannot be inserted into a tag or the " +
			"name of an attribute, where no escape makes it safe",
		`<p class={{ trigger.body.name }}></p>`: "a value cannot be inserted into an attribute " +
			"without quotes, where no escape makes it safe",
		`<p class=a{{ trigger.body.name }}></p>`: "a value cannot be inserted into an attribute " +
			"without quotes, where no escape makes it safe",
		`<p></{{ trigger.body.name }}></p>`: "a value cannot be inserted into a declaration, " +
			"where no escape makes it safe",
		`<a href="{{ trigger.body.name }}">x</a>`: "a value cannot be inserted first in href, " +
			"because it could be a script",
		`<img src=' {{ trigger.body.name }}'/>`: "a value cannot be inserted first in src, " +
			"because it could be a script",
		`<a onclick="f('{{ trigger.body.name }}')">x</a>`: "a value cannot be inserted into the attribute " +
			"onclick, which is a script or style",
		`<!doctype html><p><![CDATA[{{ trigger.body.name }}]]></p>`: "a value cannot be inserted into a declaration, " +
			"where no escape makes it safe",
	} {
		var field Template[string]
		require.NoError(t, field.Decode(text))
		problems := field.Compile("/text", testEnvironment())
		require.Len(t, problems, 1, text)
		assert.Contains(t, problems[0].Message, want+"\n", text)
		assert.Contains(t, problems[0].Fix, "raw(", text)
		assert.False(t, problems[0].Warning)
	}
	assert.Equal(t, `<p><script>A&B <Co> "x" 'y'</script></p>`,
		evalText(t, `<p><script>{{ raw(trigger.body.name) }}</script></p>`))
}

func TestJSONTextEscapesByPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"m": "{{ trigger.body.quote }}"}`:                                                             `{"m": "say \"hi\"\\\n"}`,
		`{"m": {{ trigger.body.quote }}, "n": {{ trigger.body.list }}}`:                                 `{"m": "say \"hi\"\\\n", "n": [3,1,2]}`,
		`{"m": {{ trigger.body.missing }}, "id-{{ trigger.body.quote }}": "{{ trigger.body.number }}"}`: `{"m": null, "id-say \"hi\"\\\n": "5"}`,
		`{"m": {{ toJSON(trigger.body.list) }}, "n": "{{ toJSON(trigger.body.words) }}"}`:               `{"m": [3,1,2], "n": "[\"b\",\"a\"]"}`,
		`[{"a": "{{ trigger.body.quote }}"}]`:                                                           `[{"a": "say \"hi\"\\\n"}]`, `["{{ trigger.body.quote }}"]`: `["say \"hi\"\\\n"]`,
		`{"m": "{{ raw(trigger.body.text) }}"}`: `{"m": "größe"}`,
		`[{{ trigger.body.text }}] failed`:      `[größe] failed`, `[{{ trigger.body.text }}]`: `[größe]`,
		`{ {{ trigger.body.text }} }`: `{ größe }`,
	} {
		assert.Equal(t, want, evalText(t, text), text)
	}
	var field Template[any]
	require.NoError(t, field.Decode(`{"a": "{{ trigger.body.text }}",}`))
	problems := field.Compile("/text", testEnvironment())
	require.Len(t, problems, 1)
	require.True(t, problems[0].Warning)
	require.Contains(t, problems[0].Message, "the text starts like JSON, but it is not JSON")
}

func TestABodyThatIsJSONTextIsItsValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"message": "{{ trigger.body.quote }}"}`: `{"message":"say \"hi\"\\\n"}`,
		"{\n  \"id\": \"{{ trigger.body.number }}\",\n  \"n\": {{ trigger.body.number }}, \"text\": \"n: {{ " +
			"trigger.body.list }}\"}\n": `{"id":"5","n":5,"text":"n: [3,1,2]"}`,
		`{"{{ trigger.body.text }}": [1, "{{ trigger.body.text }}", {{ trigger.body.map }}]}`: `{"größe":[1,"größe",` +
			`{"a":1,"b":2,"c":{"d":[1,2]}}]}`,
		`{"a": 1}`: `{"a":1}`, `[{"a": "{{ trigger.body.markup }}"}]`: `[{"a":"<Hangup/>"}]`,
		`{"a": "<b>{{ trigger.body.markup }}</b>"}`: `{"a":"<b><Hangup/></b>"}`,
		`{{ toJSON(trigger.body.map) }}`:            `"{\"a\":1,\"b\":2,\"c\":{\"d\":[1,2]}}"`,
		`[x] {{ trigger.body.text }}`:               `"[x] größe"`, `plain`: `"plain"`,
		`123`: `"123"`, `true`: `"true"`, `"quoted"`: `"\"quoted\""`, `null`: `"null"`,
		`{"a": {{ toJSON(trigger.body.list) }}}`: `{"a":[3,1,2]}`,
	} {
		var field Body
		require.NoError(t, field.Decode(text), text)
		for _, problem := range field.Compile("/body", testEnvironment()) {
			require.True(t, problem.Warning, problem.Message)
		}
		v, err := field.Eval(placeScope(t))
		require.NoError(t, err, text)
		encoded, err := everhook.EncodeJSON(v)
		require.NoError(t, err)
		assert.Equal(t, want, string(encoded), text)
	}
	var field Body
	require.NoError(t, field.Decode(`{"message": "{{ trigger.body.m }}", "to it": [{{ trigger.body.n }}]}`))
	problems := field.Compile("/body", testEnvironment())
	require.Len(t, problems, 1)
	require.True(t, problems[0].Warning)
	require.Equal(t, "write a mapping or list, which needs no quotes around the whole: `{ message: '{{ "+
		"trigger.body.m }}', \"to it\": ['{{ trigger.body.n }}'] }`",
		problems[0].Fix)
}

func TestSecretsAreEscapedByPlaceToo(t *testing.T) {
	t.Parallel()
	env := testEnvironment()
	env.Secrets = true
	open := func(name string) (string, error) { return `s<"]]>`, nil }
	for text, want := range map[string]any{
		`<a>{{ secret.KEY }}</a>`:                           `<a>s&lt;&#34;]]&gt;</a>`,
		`<a><![CDATA[{{ secret.KEY }}]]></a>`:               `<a><![CDATA[s<"]]]]><![CDATA[>]]></a>`,
		`{"a": "x{{ secret.KEY }}", "b": {{ secret.KEY }}}`: `{"a": "xs<\"]]>", "b": "s<\"]]>"}`,
	} {
		var field Template[any]
		require.NoError(t, field.Decode(text))
		require.Empty(t, field.Compile("/text", env))
		sealed, err := field.EvalSealed(placeScope(t))
		require.NoError(t, err)
		v, err := sealed.Open(open)
		require.NoError(t, err)
		assert.Equal(t, want, v, text)
	}
	var body Body
	require.NoError(t, body.Decode(`{"a": "x{{ secret.KEY }}", "b": {{ secret.KEY }}}`))
	require.Len(t, body.Compile("/body", env), 1)
	sealed, err := body.EvalSealed(placeScope(t))
	require.NoError(t, err)
	v, err := sealed.Open(open)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"a": `xs<"]]>`, "b": `s<"]]>`}, v)
	sealed, err = body.EvalSealedText(placeScope(t))
	require.NoError(t, err)
	v, err = sealed.Open(open)
	require.NoError(t, err)
	assert.Equal(t, `{"a": "xs<\"]]>", "b": "s<\"]]>"}`, v)
	require.EqualError(t, body.Decode(`{"{{ secret.KEY }}": 1}`), "a secret cannot be part of a key")
}

func TestPathKeepsSlashesInAURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`https://api.example/repos/{{ path(trigger.body.repo) }}/issues`: `https://api.example/repos/octo%20org/hello%3Fworld/issues`,
		`https://api.example/repos/{{ trigger.body.repo | path() }}`:     `https://api.example/repos/octo%20org/hello%3Fworld`,
		`https://api.example/repos/{{ trigger.body.repo }}`:              `https://api.example/repos/octo%20org%2Fhello%3Fworld`,
		`https://api.example/?q={{ urlEncode(trigger.body.repo) }}`:      `https://api.example/?q=octo%20org%2Fhello%3Fworld`,
	} {
		var url URL
		require.NoError(t, url.Decode(text))
		for _, problem := range url.Compile("/url", testEnvironment()) {
			require.True(t, problem.Warning, problem.Message)
		}
		got, err := url.Eval(placeScope(t))
		require.NoError(t, err)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{`https://api.example/{{ path(trigger.body.repo) + "/x" }}`,
		`https://api.example/?q={{ path(trigger.body.repo) }}`} {
		var url URL
		require.NoError(t, url.Decode(text))
		problems := url.Compile("/url", testEnvironment())
		require.Len(t, problems, 1, text)
		require.Contains(t, problems[0].Message, "path(…) inside an expression would be encoded a second time")
	}
	var url URL
	require.NoError(t, url.Decode(`https://api.example/{{ path("../../" + trigger.body.text) }}`))
	require.Empty(t, url.Compile("/url", testEnvironment()))
	_, err := url.Eval(placeScope(t))
	require.ErrorContains(t, err, `the path has the segment ".."`)
	_, err = Compile(`raw(1)`, testEnvironment())
	require.ErrorContains(t, err, "it is the outermost call of an insertion into text")
}
