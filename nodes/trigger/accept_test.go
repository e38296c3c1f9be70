package trigger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
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
		"a list": {[]any{"json", "form", "multipart", "xml", "text"},
			[]string{"json", "form", "multipart", "xml", "text"}, ""},
		"an empty list":     {[]any{}, nil, "the list is empty: no body could be sent"},
		"what is no format": {[]any{"yaml"}, nil, `"yaml" is none of json, form, multipart, xml, text`},
		"what is no list":   {7, nil, "a number where text is needed"},
		"a media type instead": {"application/json", nil,
			`"application/json" is none of json, form, multipart, xml, text`},
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
