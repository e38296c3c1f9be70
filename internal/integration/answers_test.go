package integration

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const conditionAndResponse = `nodes:
  - key: paid
    type: condition
    config: { expression: 'trigger.body.paid == true' }
    branches:
      then: [{ key: yes_, type: response, config: { body: { ok: true, id: '{{ trigger.body.id }}' } } }]
      else: [{ key: no_, type: response, config: { status: 422, body: { ok: false } } }]
`

func TestConditionAndResponseCostSevenEventsAndOneWorkflowTask(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "seven-events", conditionAndResponse)
	got := f.post(t, `{"paid":true,"id":7}`)
	require.Equal(t, 200, got.status)
	require.JSONEq(t, `{"ok":true,"id":7}`, got.body)
	f.ended(t, got.run)
	require.Equal(t, []string{
		"WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
		"WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted", "WorkflowExecutionCompleted",
	}, types(f.events(t, got.run)))
	record(t, f, got.run, "condition-response")
}
