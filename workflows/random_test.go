package workflows_test

import (
	"flag"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/jsonquery"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/nodes"
)

var (
	randomFlows = flag.Int("random", 80, "how many random flows run")
	randomSeed  = flag.Uint64("seed", 0, "the only seed of a random flow that runs; 0: all")
)

// randomResume makes the URLs that resume a random run.
var randomResume = &everhook.Resume{Base: "https://hooks.example/api/webhook:resume/token", Key: "key"}

// seeds are those of the flag, or the first n.
func seeds(n int) []uint64 {
	if *randomSeed != 0 {
		return []uint64{*randomSeed}
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(i) + 1
	}
	return list
}

// tryRandom prepares a run of a random flow, with real queries and a partner that answers by the path.
func tryRandom(t *testing.T, flow *flowgen.Flow) *trial {
	try := tryDefinition(t, flow.Definition, flow.Body, nodes.Standard())
	try.RegisterActivityWithOptions(jsonquery.New().Activity(activities.Dependencies{}),
		activity.RegisterOptions{Name: activities.JSONQuery})
	try.effect = partnerOfRandomFlows
	try.SetStartTime(randomStart)
	try.start.Delivery.ReceivedAt = randomStart
	try.start.Resume = randomResume
	try.callsOthers(flow)
	return try
}

func partnerOfRandomFlows(input activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
	address, err := input.URL.Open(nil)
	if err != nil {
		return activities.HTTPRequestResult{}, err
	}
	parsed, err := url.Parse(address.(string))
	if err != nil {
		return activities.HTTPRequestResult{}, err
	}
	status, _ := flowgen.PartnerStatus(parsed.Path)
	body, err := everhook.ParseJSON([]byte(flowgen.PartnerBody(parsed.Path)))
	if err != nil {
		return activities.HTTPRequestResult{}, err
	}
	if status/100 != 2 {
		failure := everhook.Failuref(everhook.TypeStatus, "%s answered %d", parsed.Path, status)
		return activities.HTTPRequestResult{}, activities.Fail(failure, status >= 500, 0)
	}
	return activities.HTTPRequestResult{Status: status, Body: everhook.Value{V: body}, Attempts: 1}, nil
}

// randomOptions are those of flows with everything, some of which are aborted.
var randomOptions = flowgen.Options{Partner: "http://partner.example", Abort: time.Hour}

func TestRandomFlowsRunToTheirEnd(t *testing.T) {
	t.Parallel()
	runs, steps := map[everhook.Status]int{}, map[everhook.Status]int{}
	for _, seed := range seeds(*randomFlows) {
		flow := flowgen.Generate(seed, randomOptions)
		try := tryRandom(t, flow)
		outcome := runRandom(t, try, flow)
		runs[outcome.Status]++
		for _, step := range try.steps(t) {
			require.True(t, step.Status.Ended(), "%s is %s\n%s", step.Node, step.Status, flow)
			steps[step.Status]++
		}
	}
	t.Logf("runs: %v; steps: %v", runs, steps)
	if *randomSeed != 0 {
		return
	}
	for _, status := range []everhook.Status{everhook.Resolved, everhook.Failed, everhook.Errored, everhook.Rejected,
		everhook.Aborted} {
		require.NotZero(t, runs[status], "no run ended %s", status)
		require.NotZero(t, steps[status], "no step ended %s", status)
	}
	require.NotZero(t, steps[everhook.Cancelled])
}

// runRandom runs a random flow. A defect of the interpreter fails the test and prints the flow.
func runRandom(t *testing.T, try *trial, flow *flowgen.Flow) everhook.Outcome {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(flow)
		}
	}()
	outcome := try.run(t)
	require.True(t, outcome.Status.Ended())
	if outcome.Error != nil {
		require.NotEqual(t, everhook.TypeInternal, outcome.Error.Type, "%v", outcome.Error)
	}
	return outcome
}

// TestComparableFlowsAreComparable checks the basis of comparisons of runs: another run at another time, with another
// ID and effects of another speed, has the same outcome and the same steps.
func TestComparableFlowsAreComparable(t *testing.T) {
	t.Parallel()
	options := flowgen.Options{Partner: "http://partner.example", Comparable: true}
	for _, seed := range seeds(*randomFlows) {
		flow := flowgen.Generate(seed, options)
		first := tryRandom(t, flow)
		outcome := runRandom(t, first, flow)
		second := tryRandom(t, flow)
		second.start.Delivery.RunID = "another-run"
		second.SetStartTime(randomStart.Add(1000 * time.Hour))
		second.start.Delivery.ReceivedAt = randomStart.Add(1000 * time.Hour)
		slow := 0
		second.effect = func(input activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
			slow++
			time.Sleep(time.Duration(slow%3) * time.Millisecond)
			return partnerOfRandomFlows(input)
		}
		again := runRandom(t, second, flow)
		require.Equal(t, flowgen.CanonicalOutcome(outcome), flowgen.CanonicalOutcome(again), "%s", flow)
		require.Equal(t, flowgen.CanonicalSteps(first.steps(t)), flowgen.CanonicalSteps(second.steps(t)), "%s", flow)
	}
}

// FuzzRandomFlows runs pure flows, which need no timers and effects.
func FuzzRandomFlows(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		flow := flowgen.Generate(seed, flowgen.Options{Pure: true})
		try := tryRandom(t, flow)
		runRandom(t, try, flow)
		require.Zero(t, try.effects.Load())
	})
}
