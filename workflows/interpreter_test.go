package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

func TestPaymentCallback(t *testing.T) {
	t.Parallel()
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.SetDataConverter(workflows.DataConverter())
	env.RegisterWorkflowWithOptions(workflows.NewInterpreter(nodes.Standard()).Run, workflow.RegisterOptions{Name: workflows.RunWorkflow})
	def := `{"key":"pay","mode":"sync","trigger":{"type":"webhook"},"nodes":[
	 {"key":"paid","type":"condition","config":{"expression":"trigger.body.order.status == \"paid\""},"branches":{
	  "then":[{"key":"ok","type":"response","config":{"status":200,"body":{"ok":true,"id":"{{ trigger.body.order.id }}"}}}],
	  "else":[{"key":"ko","type":"response","config":{"status":422,"body":{"ok":false}}}]}}]}`
	body, err := everhook.ParseJSON([]byte(`{"order":{"id":7,"status":"paid"}}`))
	require.NoError(t, err)
	env.ExecuteWorkflow(workflows.RunWorkflow, json.RawMessage(def), workflows.Start{Level: 1, Version: 1, Delivery: everhook.Delivery{
		RunID: everhook.NewRunID(), ReceivedAt: time.Now(), Trigger: everhook.Mapping{"body": body, "headers": map[string]any{}},
	}})
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError())
	var outcome everhook.Outcome
	require.NoError(t, env.GetWorkflowResult(&outcome))
	text, _ := everhook.EncodeJSON(outcome)
	t.Log(string(text))
	v, err := env.QueryWorkflow(workflows.StepsQuery, 1)
	require.NoError(t, err)
	var page everhook.StepPage
	require.NoError(t, v.Get(&page))
	text, _ = everhook.EncodeJSON(page)
	t.Log(string(text))
}
