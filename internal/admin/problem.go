package admin

import (
	"net/http"

	"github.com/everhook/everhook"
)

// The problems of this address.
var (
	notFound  = everhook.Problem{Type: everhook.ProblemNotFound, Title: "Not found", Status: http.StatusNotFound}
	badMethod = everhook.Problem{Type: everhook.ProblemMethod, Title: "Method not allowed",
		Status: http.StatusMethodNotAllowed}
	malformed = everhook.Problem{Type: everhook.ProblemMalformed, Title: "Malformed request",
		Status: http.StatusBadRequest}
	unauthorized = everhook.Problem{Type: everhook.ProblemUnauthorized, Title: "Unauthorized",
		Status: http.StatusUnauthorized}
	forbidden = everhook.Problem{Type: everhook.ProblemForbidden, Title: "Address not allowed",
		Status: http.StatusForbidden}
	denied      = everhook.Problem{Type: everhook.ProblemDenied, Title: "Not permitted", Status: http.StatusForbidden}
	rateLimited = everhook.Problem{Type: everhook.ProblemRateLimited, Title: "Too many requests",
		Status: http.StatusTooManyRequests}
	conflict    = everhook.Problem{Type: everhook.ProblemConflict, Title: "Not possible", Status: http.StatusConflict}
	unavailable = everhook.Problem{Type: everhook.ProblemUnavailable, Title: "Unavailable",
		Status: http.StatusServiceUnavailable}
	internal = everhook.Problem{Type: everhook.ProblemInternal, Title: "Internal error",
		Status: http.StatusInternalServerError}
)

// refuse writes a problem. The detail says what the operator can do.
func refuse(w http.ResponseWriter, problem everhook.Problem, detail string) {
	problem.Detail = detail
	w.Header().Set("Content-Type", "application/problem+json")
	write(w, problem.Status, problem)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	write(w, status, body)
}

// write sends a struct of this package or of the root package, whose encoding cannot fail.
func write(w http.ResponseWriter, status int, body any) {
	data, err := everhook.EncodeJSON(body)
	if err != nil {
		panic(err)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // the client may have closed the connection
}
