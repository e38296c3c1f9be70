package receiver

import (
	"net/textproto"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/everhook/everhook"
)

// Reason is one word for how a call ended, in logs and metrics. The words are never edited.
type Reason string

// The ways a call ends.
const (
	Accepted        Reason = "accepted"         // an async run is durable
	Answered        Reason = "answered"         // the run's own answer, or how it stands
	Waiting         Reason = "waiting"          // 202: the run is durable and has no answer yet
	Late            Reason = "late"             // 504: the same, where the flow wants that
	NotFound        Reason = "not-found"        // no such URL, flow or run
	Method          Reason = "method"           // the URL takes other methods
	UnknownMethod   Reason = "unknown-method"   // no URL takes this method
	TooLarge        Reason = "too-large"        // the body, or the delivery for the engine
	Unauthorized    Reason = "unauthorized"     // no credentials, or wrong ones
	Forbidden       Reason = "forbidden"        // an address that may not call
	BadSignature    Reason = "bad-signature"    // none, a wrong one, or one of another time
	RateLimited     Reason = "rate-limited"     // more deliveries than the flow takes
	ClientRate      Reason = "client-rate"      // more requests than one client address may send
	Slowed          Reason = "slowed"           // a client address that has shown too many wrong credentials
	BodiesFull      Reason = "bodies-full"      // as many bytes of bodies are received as the process takes at once
	Invalid         Reason = "invalid"          // a body that does not fit the schema
	Skipped         Reason = "skipped"          // the flow ignores the delivery: no run
	Preflight       Reason = "preflight"        // 204: a browser asked whether a page may call
	Opened          Reason = "opened"           // 200: the page of a link, which does nothing by itself
	Handshaken      Reason = "handshake"        // 200: a provider asked whether the URL is meant for it
	MediaType       Reason = "media-type"       // a body that the flow does not take
	KeyReused       Reason = "key-reused"       // a dedupe key that came before with another body
	Malformed       Reason = "malformed"        // not HTTP, not a query, or a body that is not of its type
	HeadersTooLarge Reason = "header-too-large" // the request line and headers
	TooSlow         Reason = "too-slow"         // the request did not come in time
	Busy            Reason = "busy"             // too many callers are held
	Overloaded      Reason = "overloaded"       // more runs are being started than the engine keeps up with
	Gone            Reason = "gone"             // the caller has hung up before its answer; the run goes on
	Unavailable     Reason = "unavailable"      // the run could not be made durable, or a secret not be read
	Ended           Reason = "ended"            // 410: the run that was to be resumed has ended
	WaitOver        Reason = "wait-over"        // 410: the run goes on without that call
	InboxFull       Reason = "inbox-full"       // the run keeps as many early calls as it can
	Internal        Reason = "internal"         // a defect
	Probe           Reason = "probe"            // health and readiness; not logged
)

// refusals are the replies to refused calls. The details are added later.
var refusals = map[Reason]everhook.Problem{
	NotFound:        {Type: everhook.ProblemNotFound, Title: "Not found", Status: 404},
	Method:          {Type: everhook.ProblemMethod, Title: "Method not allowed", Status: 405},
	UnknownMethod:   {Type: everhook.ProblemMethod, Title: "Method not known", Status: 501},
	TooLarge:        {Type: everhook.ProblemTooLarge, Title: "Too large", Status: 413},
	Unauthorized:    {Type: everhook.ProblemUnauthorized, Title: "Unauthorized", Status: 401},
	Forbidden:       {Type: everhook.ProblemForbidden, Title: "Forbidden", Status: 403},
	BadSignature:    {Type: everhook.ProblemUnauthorized, Title: "Unauthorized", Status: 401},
	RateLimited:     {Type: everhook.ProblemRateLimited, Title: "Too many requests", Status: 429},
	ClientRate:      {Type: everhook.ProblemRateLimited, Title: "Too many requests", Status: 429},
	Slowed:          {Type: everhook.ProblemRateLimited, Title: "Too many requests", Status: 429},
	BodiesFull:      {Type: everhook.ProblemBodiesFull, Title: "Too many bodies", Status: 503},
	Invalid:         {Type: everhook.ProblemInvalidBody, Title: "Invalid body", Status: 422},
	MediaType:       {Type: everhook.ProblemMediaType, Title: "Unsupported media type", Status: 415},
	KeyReused:       {Type: everhook.ProblemKeyReused, Title: "Key reused with another body", Status: 422},
	Malformed:       {Type: everhook.ProblemMalformed, Title: "Malformed request", Status: 400},
	HeadersTooLarge: {Type: everhook.ProblemHeaderTooLarge, Title: "Headers too large", Status: 431},
	TooSlow:         {Type: everhook.ProblemRequestTimeout, Title: "Request timeout", Status: 408},
	Busy:            {Type: everhook.ProblemBusy, Title: "Too many callers wait", Status: 503},
	Overloaded:      {Type: everhook.ProblemOverloaded, Title: "Overloaded", Status: 503},
	Unavailable:     {Type: everhook.ProblemUnavailable, Title: "Unavailable", Status: 503},
	Ended:           {Type: everhook.ProblemRunEnded, Title: "The run has ended", Status: 410},
	WaitOver:        {Type: everhook.ProblemWaitOver, Title: "The wait is over", Status: 410},
	InboxFull:       {Type: everhook.ProblemInboxFull, Title: "Too many early calls", Status: 503},
	Internal:        {Type: everhook.ProblemInternal, Title: "Internal error", Status: 500},
	Late:            {Type: everhook.ProblemGatewayTimeout, Title: "No answer in time", Status: 504},
}

// reply is the reply to the caller.
type reply struct {
	reason  Reason
	status  int
	headers map[string]string
	// repeated are further values of headers.
	repeated []header
	body     []byte
	run      everhook.RunID
	// duplicate is set if another delivery has started the run.
	duplicate bool
	// detail says why the call is refused.
	detail string
}

type header struct{ name, value string }

const (
	typeJSON    = "application/json"
	typeProblem = "application/problem+json"
	typeText    = "text/plain; charset=utf-8"
	headerRun   = "Everhook-Run-Id"
)

// refuse makes the problem of a reason. The detail says what the caller has to do.
func refuse(reason Reason, detail string) reply {
	problem := refusals[reason]
	problem.Detail = detail
	refusal := problemReply(problem).because(reason)
	refusal.detail = detail
	return refusal
}

func problemReply(problem everhook.Problem) reply {
	return jsonReply(problem.Status, problem).with(fiber.HeaderContentType, typeProblem)
}

// jsonReply is a body that is sure to encode: a struct of this package, or a canonical value.
func jsonReply(status int, body any) reply {
	data, err := everhook.EncodeJSON(body)
	if err != nil {
		panic(err)
	}
	return reply{reason: Answered, status: status, body: data}.with(fiber.HeaderContentType, typeJSON)
}

func (r reply) with(name, value string) reply {
	if r.headers == nil {
		r.headers = map[string]string{}
	}
	r.headers[name] = value
	return r
}

func (r reply) of(run everhook.RunID) reply {
	r.run = run
	return r
}

func (r reply) duplicateIf(duplicate bool) reply {
	if duplicate {
		r = r.with(headerDuplicate, "true")
		r.duplicate = true
	}
	return r
}

func (r reply) because(reason Reason) reply {
	r.reason = reason
	return r
}

// answerReply renders the answer of a run.
func answerReply(answer everhook.Answer, run everhook.RunID) reply {
	if answer.Problem != nil {
		problem := *answer.Problem
		problem.Status = sendable(problem.Status)
		problem.RunID = run
		return problemReply(problem).because(Answered).of(run)
	}
	r := bodyReply(sendable(answer.Status), answer.Body)
	if data, binary := answer.Bytes(); binary && r.body != nil {
		r.body = data
	}
	if len(answer.Headers) > 0 {
		r = r.withAll(answer.Headers)
	}
	return r.of(run)
}

// withAll adds the headers of an answer, except for those that a flow can't set. What was checked when the answer was
// made may differ from what an older release made.
func (r reply) withAll(headers map[string]everhook.HeaderValue) reply {
	for _, name := range everhook.SortedKeys(headers) {
		if everhook.CheckAnswerHeader(name) != nil {
			continue
		}
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		for i, value := range headers[name] {
			if value = cleanValue(value); canonical == fiber.HeaderLocation {
				value = everhook.EncodeLocation(value)
			}
			if i == 0 {
				r = r.with(canonical, value)
			} else {
				r.repeated = append(r.repeated, header{canonical, value})
			}
		}
	}
	return r
}

func bodyReply(status int, body *everhook.Value) reply {
	if body == nil || status == fiber.StatusNoContent || status == fiber.StatusNotModified {
		return reply{reason: Answered, status: status}
	}
	if text, ok := body.V.(string); ok {
		return reply{reason: Answered, status: status, body: []byte(text)}.with(fiber.HeaderContentType, typeText)
	}
	return jsonReply(status, body.V)
}

// sendable reports whether a status can be the last status of a call. Any other status is a defect of the program.
func sendable(status int) int {
	if status < 200 || status > 599 {
		return fiber.StatusInternalServerError
	}
	return status
}

// cleanValue drops what could end a header: control characters except the tab.
func cleanValue(value string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' || c == 0x7f {
			return -1
		}
		return c
	}, value)
}

func (r reply) write(response *fasthttp.Response) {
	response.SetStatusCode(r.status)
	for name, value := range r.headers {
		response.Header.Set(name, value)
	}
	for _, again := range r.repeated {
		response.Header.Add(again.name, again.value)
	}
	if r.run != "" {
		response.Header.Set(headerRun, string(r.run))
	}
	response.SetBodyRaw(r.body)
}

// retryAfter asks a caller to come again, in seconds.
func (r reply) retryAfter(seconds int) reply {
	return r.with(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
}
