package kinds_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/kindtest"

	"example.com/acme/everhook-kinds/kinds"
)

// compile returns the problems of a flow with that trigger and one node, both as JSON.
func compile(t *testing.T, mode, trigger, node string) string {
	t.Helper()
	return text(kindtest.Problems(kinds.Registry(), kindtest.Flow(t, everhook.Mode(mode), trigger, node)))
}

func text(problems []kind.Problem) string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Error())
	}
	return strings.Join(all, "\n")
}

func TestWhatIsWrongWithAConfigIsToldBeforeAnyRun(t *testing.T) {
	t.Parallel()
	const webhook = `{"type":"webhook"}`
	for name, test := range map[string]struct{ mode, trigger, node, want string }{
		"an account of the call": {"async", webhook,
			`{"key":"a","type":"iban-check","config":{"iban":"{{ trigger.body.iban }}","countries":"DE"}}`, ""},
		"no account": {"async", webhook, `{"key":"a","type":"iban-check"}`, `"iban" is missing`},
		"a field that does not exist": {"async", webhook, `{"key":"a","type":"iban-check","config":{"ibam":"x"}}`,
			`did you mean "iban"?`},
		"a country that is none": {"async", webhook,
			`{"key":"a","type":"iban-check","config":{"iban":"{{ trigger.body.iban }}","countries":["Germany"]}}`,
			`"Germany" is no country`},
		"an account that is written": {"async", webhook,
			`{"key":"a","type":"iban-check","config":{"iban":"DE88370400440532013000"}}`,
			"the result is the same for every run: the IBAN is not valid: its check digits do not fit"},
		"a member that the result does not have": {"async", webhook,
			`{"key":"a","type":"iban-check","config":{"iban":"{{ trigger.body.iban }}"}},` +
				`{"key":"b","type":"calculation","config":{"expression":"nodes.a.vaild"}}`, `did you mean "valid"?`},
		"a secret in a pure kind": {"async", webhook,
			`{"key":"a","type":"iban-check","config":{"iban":"{{ secret.IBAN }}"}}`, "a secret is not available here"},

		"a message": {"async", webhook,
			`{"key":"a","type":"sms","config":{"gateway":"https://a.example","token":"{{ secret.T }}",` +
				`"to":"+4930123456","text":"x"}}`, ""},
		"no telephone number": {"async", webhook,
			`{"key":"a","type":"sms","config":{"gateway":"https://a.example","token":"{{ secret.T }}","to":"030",` +
				`"text":"x"}}`, `"030" is no telephone number`},
		"a token in the file": {"async", webhook,
			`{"key":"a","type":"sms","config":{"gateway":"https://a.example","token":"abc","to":"+4930123456",` +
				`"text":"x"}}`, "a credential without a secret"},
		"a message of a novel": {"async", webhook,
			`{"key":"a","type":"sms","config":{"gateway":"https://a.example","token":"{{ secret.T }}",` +
				`"to":"+4930123456","text":"` + strings.Repeat("x", 1001) + `"}}`, "the message has 1001 bytes"},
		"what is tried again": {"async", webhook,
			`{"key":"a","type":"sms","retry":{"on":["503"]},"config":{"gateway":"https://a.example","token":"{{ ` +
				`secret.T }}","to":"+4930123456","text":"x"}}`, "what sms tries again is fixed"},
		"files": {"async", `{"type":"file-drop","folder":"in"}`,
			`{"key":"a","type":"output","config":{"value":"{{ trigger.content.x }}"}}`, ""},
		"no folder": {"async", `{"type":"file-drop","folder":" "}`,
			`{"key":"a","type":"output","config":{"value":1}}`, "the folder has no name"},
		"a folder all the time": {"async", `{"type":"file-drop","folder":"in","every":"1ms"}`,
			`{"key":"a","type":"output","config":{"value":1}}`, "write at least 100ms"},
		"a caller of files": {"sync", `{"type":"file-drop","folder":"in"}`,
			`{"key":"a","type":"output","config":{"value":1}}`,
			"a flow that file-drop starts has no caller that waits for an answer"},
		"a body of a file": {"async", `{"type":"file-drop","folder":"in"}`,
			`{"key":"a","type":"output","config":{"value":"{{ trigger.body }}"}}`, "`trigger` has no member \"body\""},
	} {
		problems := compile(t, test.mode, test.trigger, test.node)
		if test.want == "" {
			require.Empty(t, problems, name)
			continue
		}
		require.Contains(t, problems, test.want, name)
	}
}

func TestTheManualHasTheKindsWithTheirFields(t *testing.T) {
	t.Parallel()
	manual := kindtest.Manual(kinds.Registry())
	for _, want := range []string{"### iban-check", "Lists the accepted countries", "### sms", "The gateway's token",
		"## file-drop", "The time between two scans of the folder"} {
		require.Contains(t, strings.ToLower(manual), strings.ToLower(want))
	}
	schema, err := kindtest.Schema(kinds.Registry())
	require.NoError(t, err)
	require.Contains(t, schema, "Acme's gateway")
}
