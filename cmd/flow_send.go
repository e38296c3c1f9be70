package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

type flowSend struct {
	serverFlags `embed:""`
	Flow        string   `arg:"" help:"Key of a flow in --dir, or a flow file."`
	Dir         string   `env:"-" placeholder:"DIR" help:"Directory with the flow and .env, as for dev. Default: that of the file, or here."`
	SecretsDir  string   `placeholder:"DIR" help:"Directory with one file for each secret."`
	URL         string   `name:"url" env:"-" placeholder:"URL" help:"URL of the webhook. Default: the one that the server at --server names."`
	Body        string   `env:"-" placeholder:"FILE" help:"File with the body; - is standard input. Default: request.json beside the flow, else no body."`
	Header      []string `short:"H" env:"-" sep:"none" placeholder:"NAME: VALUE" help:"Header to send; repeatable. It replaces the same header of the flow's own credentials."`
	Wait        bool     `env:"-" help:"Wait for the answer of a sync flow, or for the end of an async one, however long that takes."`
	Output      string   `enum:"text,json" env:"-" default:"text" help:"How to print: text or json."`
}

// target is the flow to call, as read from its file.
type target struct {
	flow  *compile.Flow
	calls *trigger.WebhookCalls
	// method is the first that the flow takes.
	method string
	// dir is the directory of the flow's file.
	dir string
}

func (c *flowSend) Run(ctx context.Context, s streams, registry *kind.Registry) error {
	t, err := c.target(s, registry)
	if err != nil {
		return err
	}
	body, err := c.body(s.in, t)
	if err != nil {
		return err
	}
	caller, err := c.caller(t, body)
	if err != nil {
		return err
	}
	address, page, err := c.address(ctx, t.flow.Definition.Key)
	if err != nil {
		return err
	}
	got, err := caller.post(ctx, address, body.data, t.flow.Wait().Std())
	if err != nil {
		return err
	}
	if c.Wait {
		if got, err = caller.follow(ctx, address, got); err != nil {
			return err
		}
	}
	if page != "" && got.run() != "" {
		got.page = page + "/runs/" + string(got.run())
	}
	isAsync := c.Wait && t.flow.Definition.Mode == everhook.Async && got.run() != ""
	if isAsync && c.Output == "json" {
		if got.outcome, err = c.waitForEnd(ctx, t.flow.Definition.Key, got.run()); err != nil {
			return err
		}
	}
	if err := got.print(s.out, c.Output); err != nil {
		return err
	}
	if isAsync && got.outcome == nil { // in text mode, the answer is printed before the wait
		if got.outcome, err = c.waitForEnd(ctx, t.flow.Definition.Key, got.run()); err != nil {
			return err
		}
		if err := printEnd(s.out, got.outcome); err != nil {
			return err
		}
	}
	if got.status >= http.StatusBadRequest || got.outcome != nil && got.outcome.Status != everhook.Resolved {
		return reported{}
	}
	return nil
}

// target reads the flow, and prints the problems of its file.
func (c *flowSend) target(s streams, registry *kind.Registry) (target, error) {
	var t target
	if everhook.IsFlowKey(c.Flow) {
		if c.Dir == "" {
			c.Dir = "."
		}
		flow, file, err := flowdir.Find(c.Dir, registry, c.Flow)
		if err != nil {
			return t, err
		}
		t.flow, t.dir = flow, filepath.Dir(file)
	} else {
		data, err := os.ReadFile(c.Flow)
		if err != nil {
			return t, err
		}
		flow, problems := flowfile.Load(c.Flow, data, registry)
		if flow == nil {
			for _, problem := range problems.Errors() {
				fmt.Fprintln(s.err, problem)
			}
			return t, reported{}
		}
		t.flow, t.dir = flow, filepath.Dir(c.Flow)
		if c.Dir == "" {
			c.Dir = t.dir
		}
	}
	webhook, ok := t.flow.Trigger.(trigger.Receiving)
	if !ok {
		return t, fmt.Errorf("the flow %s has no webhook, so it cannot be called", t.flow.Definition.Key)
	}
	t.calls, t.method = webhook.Calls(), webhook.CallMethods()[0]
	return t, nil
}

// sentBody is a body with its content type. Without data, no body is sent.
type sentBody struct {
	data      []byte
	mediaType string
}

// body reads the body. Its type follows from the file name and from the formats that the flow accepts.
func (c *flowSend) body(stdin io.Reader, t target) (sentBody, error) {
	name := c.Body
	if name == "" && t.accepts("json") {
		sample := filepath.Join(t.dir, sampleBody)
		if _, err := os.Stat(sample); err == nil {
			name = sample
		}
	}
	if name == "" {
		return sentBody{}, nil
	}
	source := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return sentBody{}, err
		}
		defer file.Close()
		source = file
	}
	data, err := io.ReadAll(io.LimitReader(source, int64(trigger.MaxMaxBody)+1))
	if err != nil {
		return sentBody{}, err
	}
	if len(data) > int(trigger.MaxMaxBody) {
		return sentBody{}, fmt.Errorf("the body is larger than %s", trigger.MaxMaxBody)
	}
	return sentBody{data, t.mediaType(name)}, nil
}

// mediaTypes are the content types for the formats of a webhook. Multipart forms have none, because the type contains a
// boundary that only the author of the body knows.
var mediaTypes = map[string]string{
	"json": "application/json", "form": "application/x-www-form-urlencoded", "xml": "application/xml",
	"text": "text/plain; charset=utf-8", "binary": "application/octet-stream",
}

// formatsOfFiles are the formats by file name extension.
var formatsOfFiles = map[string]string{".json": "json", ".xml": "xml", ".txt": "text", ".csv": "text"}

func (t target) accepts(format string) bool {
	return slices.Contains(t.calls.Formats(), format) || len(t.calls.Formats()) == 0 && format == "json"
}

func (t target) mediaType(file string) string {
	if ext := strings.ToLower(filepath.Ext(file)); t.accepts("json") && (ext == ".ndjson" || ext == ".jsonl") {
		return "application/x-ndjson"
	}
	if format := formatsOfFiles[strings.ToLower(filepath.Ext(file))]; t.accepts(format) {
		return mediaTypes[format]
	}
	if known := mime.TypeByExtension(filepath.Ext(file)); known != "" && t.accepts("binary") {
		return known
	}
	if len(t.calls.Formats()) > 0 {
		return mediaTypes[t.calls.Formats()[0]]
	}
	return mediaTypes["json"]
}

// caller returns a caller with the headers and credentials of this call.
func (c *flowSend) caller(t target, body sentBody) (*caller, error) {
	headers := http.Header{}
	if len(body.data) > 0 {
		headers.Set("Content-Type", body.mediaType)
	}
	own := http.Header{}
	for _, line := range c.Header {
		name, value, found := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !found || name == "" {
			return nil, fmt.Errorf("-H %q is not a header; write NAME: VALUE", line)
		}
		own.Add(name, strings.TrimSpace(value))
	}
	if len(body.data) > 0 && body.mediaType == "" && own.Get("Content-Type") == "" {
		return nil, errors.New("a multipart form needs its boundary; add -H 'Content-Type: multipart/form-data; " +
			"boundary=…'")
	}
	provider, err := secrets.New(secrets.Options{Dir: c.SecretsDir, Environ: os.Environ(),
		DotEnv: filepath.Join(c.Dir, ".env")})
	if err != nil {
		return nil, err
	}
	return newCaller(t.method, credentialsOf(t.calls, provider.Lookup), headers, own), nil
}

// pathFlows is the path of the flows in the admin API.
const pathFlows = "/api/v1/flows"

// address returns the URL of the webhook, and the base URL of the pages if the server named the webhook.
func (c *flowSend) address(ctx context.Context, key string) (hook, pages string, err error) {
	if c.URL != "" {
		parsed, err := url.Parse(c.URL)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
			return "", "", fmt.Errorf("--url %q is not the URL of a webhook; copy the one that `everhook dev` prints",
				c.URL)
		}
		return c.URL, "", nil
	}
	data, err := c.ask(ctx, pathFlows+"/"+url.PathEscape(key), nil)
	if refused, ok := errors.AsType[*refusedError](err); ok && refused.problem.Type == everhook.ProblemNotFound {
		return "", "", fmt.Errorf("the server at %s has no flow %s; start it with the flow's directory, or name "+
			"another with --server", c.Server, key)
	}
	if err != nil {
		return "", "", err
	}
	var flow api.Flow
	if err := c.decode(data, &flow); err != nil {
		return "", "", err
	}
	if !flow.Enabled || flow.URL == "" {
		return "", "", fmt.Errorf("the flow %s is not served: %s", key, printable(flow.Note))
	}
	return flow.URL, strings.TrimRight(c.Server, "/"), nil
}

// callTimeout is the time that a call may take after the flow's wait has passed.
const callTimeout = 30 * time.Second
