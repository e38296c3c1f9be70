package trigger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/trigger"
)

func TestAWebhookAcceptsTheFormatsOfItsList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		accept  any
		want    []string
		problem string
	}{
		"one alone": {"xml", []string{"xml"}, ""},
		"a list": {[]any{"json", "form", "multipart", "xml", "text", "binary"},
			[]string{"json", "form", "multipart", "xml", "text", "binary"}, ""},
		"an empty list":     {[]any{}, nil, "the list is empty: no body could be sent"},
		"what is no format": {[]any{"yaml"}, nil, `"yaml" is none of json, form, multipart, xml, text, binary`},
		"what is no list":   {7, nil, "a number where text is needed"},
		"a media type instead": {"application/json", nil,
			`"application/json" is none of json, form, multipart, xml, text, binary`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flow, problems := compile.Definition(&everhook.Definition{
				Key: "f", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "webhook",
					Config: everhook.Mapping{"accept": test.accept}},
			}, nodes.Standard())
			if test.problem != "" {
				require.Nil(t, flow)
				require.Len(t, problems, 1)
				require.Equal(t, test.problem, problems[0].Message)
				return
			}
			require.NotNil(t, flow, problems)
			require.Equal(t, test.want, flow.Trigger.(*trigger.Webhook).Accept)
		})
	}
}

func TestTheTextOfABodyIsKnownWhereItIsKept(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, value, problem string }{
		"kept":     {"raw: true", "trigger.raw", ""},
		"not kept": {"rateLimit: { rate: 1 }", "trigger.raw", "set `raw: true` to keep the text of the body"},
		"as text":  {"raw: true", "trigger.raw.id", "`trigger.raw` is text"},
		"of files alone": {"raw: true, accept: binary", "trigger.raw",
			"with binary alone, raw is always nil: the body itself has all bytes"},
		"of files and others": {"raw: true, accept: [json, binary]", "trigger.raw", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := flowfile.Load("case.yaml", []byte("key: case\nmode: async\ntrigger: { type: webhook, "+
				test.config+" }\nnodes: [{ key: n, type: output, config: { value: '{{ "+test.value+" }}' } }]\n"),
				nodes.Standard())
			if test.problem == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Contains(t, problems[0].Message+problems[0].Fix, test.problem)
		})
	}
}
