package bodyschema_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/bodyschema"
)

func parse(t testing.TB, text string) any {
	t.Helper()
	v, err := everhook.ParseJSON([]byte(text))
	require.NoError(t, err)
	return v
}

func compile(t testing.TB, text string) (*bodyschema.Schema, error) {
	t.Helper()
	return bodyschema.Compile(parse(t, text).(map[string]any))
}

func TestABodyIsChecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		schema, body string
		want         []string
	}{
		"what fits": {`{"type":"object","required":["order"]}`, `{"order":1}`, nil},
		"a missing property": {`{"type":"object","required":["order"]}`, `{}`,
			[]string{": missing property 'order'"}},
		"no body": {`{"type":"object"}`, `null`, []string{": got null, want object"}},
		"a place in lists and odd names": {`{"properties":{"a/b~c":{"items":{"type":"integer"}}}}`,
			`{"a/b~c":[1,"x",2,null]}`, []string{"/a~1b~0c/1: got string, want integer",
				"/a~1b~0c/3: got null, want integer"}},
		"whole numbers written as floats": {`{"type":"integer"}`, `1.0`, nil},
		"bounds": {`{"properties":{"n":{"maximum":3},"m":{"multipleOf":0.01}}}`,
			`{"n":4,"m":0.07}`, []string{"/n: maximum: got 4, want 3"}},
		"a format": {`{"format":"email"}`, `"me"`, []string{": is not valid email"}},
		"a pattern": {`{"pattern":"^a+$"}`, `"a secret"`,
			[]string{`: does not match pattern "^a+$"`}},
		"a word that is none of several": {`{"enum":["a","b"]}`, `"c"`, []string{": value must be one of 'a', 'b'"}},
		"alternatives": {`{"anyOf":[{"type":"null"},{"required":["a"]}]}`, `{}`,
			[]string{": it fits none of the alternatives (anyOf)", ": got object, want null",
				": missing property 'a'"}},
		"none of exclusive alternatives": {`{"oneOf":[{"type":"null"},{"type":"string"}]}`, `1`,
			[]string{": it fits none of the alternatives (oneOf)", ": got number, want null",
				": got number, want string"}},
		"several of exclusive ones": {`{"oneOf":[{"type":"integer"},{"minimum":0}]}`, `1`,
			[]string{": it fits more than one of the alternatives (oneOf)"}},
		"what is excluded": {`{"not":{"type":"null"}}`, `null`,
			[]string{": it fits what is excluded (not)"}},
		"unknown properties": {`{"properties":{"a":true},"additionalProperties":false}`, `{"a":1,"b":2}`,
			[]string{": additional properties 'b' not allowed"}},
		"what may not be there": {`{"properties":{"a":false}}`, `{"a":1}`,
			[]string{"/a: nothing is allowed here"}},
		"names of properties": {`{"propertyNames":{"maxLength":1}}`, `{"bb":1}`,
			[]string{": the name of a property is not allowed", ": maxLength: got 2, want 1"}},
		"a list without what it should": {`{"contains":{"const":7}}`, `[1]`,
			[]string{": no items match contains schema", "/0: value must be 7"}},
		"a reference inside": {`{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`, `1`,
			[]string{": got number, want string"}},
		"a schema with a name of its own": {`{"$id":"https://example.org/order",` +
			`"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"#a","$defs":{"a":{"$anchor":"a",` +
			`"type":"string"}}}`, `1`, []string{": got number, want string"}},
		"a schema that checks schemas": {`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, `{"type":7}`,
			[]string{"/type: it fits none of the alternatives (anyOf)",
				"/type: value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'",
				"/type: got number, want array"}},
		"a schema that only names itself": {`{"$ref":"#"}`, `1`, []string{": the schema refers to itself without end"}},
		"properties that others rule out": {`{"properties":{"a":true},"unevaluatedProperties":false}`, `{"b":1}`,
			[]string{"/b: nothing is allowed here"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema, err := compile(t, test.schema)
			require.NoError(t, err)
			problems, err := schema.Check(parse(t, test.body))
			require.NoError(t, err)
			var got []string
			for _, problem := range problems {
				got = append(got, problem.Pointer+": "+problem.Detail)
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestASchemaThatCannotBeUsedSaysWhy(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"type":"objekt"}`: "it is no JSON Schema: /type: it fits none of the " +
			"alternatives (anyOf)",
		`{"properties":{"a":{"minimum":"1"}}}`: "it is no JSON Schema: /properties/a/minimum: got " +
			"string, want number",
		`{"pattern":"(?=a)"}`: "it is no JSON Schema: /pattern: is no regular " +
			"expression, of the kind RE2",
		`{"$ref":"https://example.org/x.json"}`: "the reference https://example.org/x.json leads out " +
			"of the schema; put what it names under $defs",
		`{"$ref":"file:///etc/passwd"}`: "the reference file:///etc/passwd leads out of the " +
			"schema; put what it names under $defs",
		`{"$ref":"other"}`: "the reference other leads out of the schema; put " +
			"what it names under $defs",
		`{"$ref":"#/$defs/none"}`: "/$defs/none",
		`{"$schema":"http://json-schema.org/draft-07/schema#"}`: "the schema is of another dialect; leave $schema " +
			"out, or write https://json-schema.org/draft/2020-12/schema",
		`{"description":"` + strings.Repeat("a", 65<<10) + `"}`: "the schema is larger than 64KiB",
	} {
		_, err := compile(t, schema)
		require.ErrorContains(t, err, want, schema)
		require.NotContains(t, err.Error(), "everhook:")
	}
}

func TestProblemsAreFewShortAndSorted(t *testing.T) {
	t.Parallel()
	schema, err := compile(t, `{"items":{"properties":{"`+strings.Repeat("n", 1000)+
		`":{"type":"string"}}},"additionalProperties":false}`)
	require.NoError(t, err)
	item := `{"` + strings.Repeat("n", 1000) + `":1}`
	problems, err := schema.Check(parse(t, "["+strings.Repeat(item+",", 99)+item+"]"))
	require.NoError(t, err)
	require.Len(t, problems, bodyschema.MaxProblems)
	require.True(t, strings.HasPrefix(problems[0].Pointer, "/0/n"))
	require.True(t, strings.HasPrefix(problems[1].Pointer, "/1/n"))
	problems, err = schema.Check(map[string]any{strings.Repeat("x", 1000): 1})
	require.NoError(t, err)
	require.Len(t, problems, 1)
	require.Less(t, len(problems[0].Detail), 310)
}

// TestALargeBodyCostsBoundedMemory is not parallel: it counts what the process allocates.
func TestALargeBodyCostsBoundedMemory(t *testing.T) {
	schema, err := compile(t, `{"items":{"type":"string"}}`)
	require.NoError(t, err)
	wrong := make([]any, bodyschema.MaxValues-1)
	for i := range wrong {
		wrong[i] = i
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	problems, err := schema.Check(wrong)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, problems, bodyschema.MaxProblems)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))

	for _, body := range []any{append(wrong, 1), map[string]any{"a": wrong}, []any{[]any{wrong}}} {
		_, err = schema.Check(body)
		require.ErrorIs(t, err, bodyschema.ErrTooLarge)
	}
}

func TestLargeBodiesTakeTurns(t *testing.T) {
	t.Parallel()
	schema, err := compile(t, `{"items":{"type":"string"}}`)
	require.NoError(t, err)
	body := make([]any, 5000)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			problems, err := schema.Check(body)
			if err != nil || len(problems) != bodyschema.MaxProblems {
				t.Errorf("%v, %v", problems, err)
			}
		})
	}
	all.Wait()
}

func TestTheLargestSchemaCompilesQuickly(t *testing.T) {
	t.Parallel()
	var properties []string
	for i := range 2200 {
		properties = append(properties, fmt.Sprintf(`"%x":{"a":1}`, i))
	}
	text := `{"properties":{` + strings.Join(properties, ",") + `}}`
	began := time.Now()
	_, err := compile(t, text)
	require.NoError(t, err)
	require.Less(t, time.Since(began), 5*time.Second)
	t.Logf("%d bytes in %v", len(text), time.Since(began))
}
