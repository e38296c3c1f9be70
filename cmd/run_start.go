package cmd

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

type runStart struct {
	serverFlags `embed:""`
	Flow        string             `arg:"" help:"Key of a flow with a call trigger."`
	Input       string             `placeholder:"JSON" help:"Input of the flow: JSON, @FILE for that of a file, or - for standard input. Default: none."`
	Wait        *everhook.Duration `env:"-" placeholder:"DURATION" help:"How long to wait for the answer of a sync flow, at most 50s. Default: as long as the flow says."`
	Key         string             `env:"-" placeholder:"TEXT" help:"Idempotency key: a command that is repeated with the same key and input starts one run."`
	printed     `embed:""`
}

func (c *runStart) Help() string {
	return "Prints the body of the answer. The exit status is 1 if the answer is an error. Without an answer in " +
		"time, or of an async flow, the run is printed: `everhook run answer` gets its answer later."
}

func (c *runStart) Run(ctx context.Context, s streams) error {
	if !everhook.IsFlowKey(c.Flow) {
		return fmt.Errorf("%q is not a flow key", everhook.Shorten(c.Flow, 80))
	}
	var wanted api.RunStart
	input, err := c.input(s.in)
	if err != nil {
		return err
	}
	wanted.Input = input
	if c.Wait != nil {
		wanted.Wait = new(int(c.Wait.Std().Round(time.Second) / time.Second))
	}
	body, err := everhook.EncodeJSON(wanted)
	if err != nil {
		return err
	}
	header := http.Header{}
	if c.Key != "" {
		header.Set("Idempotency-Key", c.Key)
	}
	data, _, err := c.exchange(ctx, http.MethodPost, pathFlows+"/"+c.Flow+"/runs", nil, header, bytes.NewReader(body))
	if err != nil {
		return err
	}
	return printAnswer(s.out, &c.serverFlags, c.printed, data)
}

// maxInput bounds what is read as input; the server takes less.
const maxInput = 2 << 20

// input reads the input.
func (c *runStart) input(in io.Reader) (value everhook.Value, err error) {
	data := []byte(c.Input)
	name, isFile := strings.CutPrefix(c.Input, "@")
	switch {
	case c.Input == "":
		return value, nil
	case c.Input == "-":
		data, err = io.ReadAll(io.LimitReader(in, maxInput))
	case isFile:
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return value, err
	}
	if value.V, err = everhook.ParseJSON(data); err != nil {
		return value, fmt.Errorf("--input: %w", err)
	}
	return value, nil
}

type runAnswer struct {
	serverFlags `embed:""`
	ID          string            `arg:"" help:"FLOW/RUN, as run start prints it."`
	Wait        everhook.Duration `env:"-" default:"0s" placeholder:"DURATION" help:"How long to wait for the answer. Default 0s."`
	printed     `embed:""`
}

// askedFor is how long one request waits for an answer.
const askedFor = 50 * time.Second

func (c *runAnswer) Run(ctx context.Context, s streams) error {
	flow, id, ok := everhook.ParseWorkflowID(c.ID)
	if !ok {
		return fmt.Errorf("%q is not FLOW/RUN", everhook.Shorten(c.ID, 80))
	}
	for until := time.Now().Add(c.Wait.Std()); ; {
		wait := max(min(time.Until(until), askedFor), 0)
		data, err := c.ask(ctx, pathFlows+"/"+flow+"/runs/"+string(id)+"/answer",
			url.Values{"waitSeconds": {strconv.Itoa(int(wait.Round(time.Second) / time.Second))}})
		if err != nil {
			return err
		}
		var got api.RunAnswer
		if err := c.decode(data, &got); err != nil {
			return err
		}
		if got.Answer != nil || !time.Now().Before(until) {
			return printAnswer(s.out, &c.serverFlags, c.printed, data)
		}
	}
}

// printAnswer prints the answer of a run, or the run while it has none. Its error says that the answer is one.
func printAnswer(w io.Writer, server *serverFlags, p printed, data json.RawMessage) error {
	var got api.StartedRun
	if err := server.decode(data, &got); err != nil {
		return err
	}
	err := show(server, p, w, data, func(got api.StartedRun) error {
		text, err := answerText(got)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, text)
		return err
	})
	if err == nil && got.Answer != nil && got.Answer.Status >= http.StatusBadRequest {
		return reported{}
	}
	return err
}

// answerText is the body of an answer, or says what the run does.
func answerText(got api.StartedRun) (string, error) {
	run := everhook.WorkflowID(got.Flow, got.ID)
	switch answer := got.Answer; {
	case got.Skipped:
		return fmt.Sprintf("the trigger of flow %s leaves this call out: there is no run", got.Flow), nil
	case answer == nil:
		return fmt.Sprintf("run %s is %s; `everhook run answer %s --wait 1m` waits for its answer", run, got.Status,
			run), nil
	case answer.Problem != nil:
		return fmt.Sprintf("%s (run %s)", answer.Problem.Title, run), nil
	case answer.Body == nil:
		return "", nil
	case answer.Base64:
		text, _ := answer.Body.V.(string)
		data, err := base64.StdEncoding.DecodeString(text)
		return string(data), err
	default:
		if text, ok := answer.Body.V.(string); ok {
			return text, nil
		}
		data, err := everhook.EncodeJSON(answer.Body)
		return string(data), err
	}
}
