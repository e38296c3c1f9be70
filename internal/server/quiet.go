package server

import (
	"context"
	"log/slog"
	"strings"
)

// quiet returns a logger that drops messages below warnings: most messages of the Temporal SDK do not help an operator.
func quiet(logger *slog.Logger) *slog.Logger {
	return slog.New(filtered{logger.Handler(), func(record slog.Record) bool { return record.Level >= slog.LevelWarn }})
}

// patient returns a logger for the embedded Temporal server that drops warnings about slow calls that wait on purpose:
// a held caller waits for the answer of its run as long as its flow allows.
func patient(logger *slog.Logger) *slog.Logger {
	return slog.New(filtered{logger.Handler(), func(record slog.Record) bool {
		switch record.Message {
		case "Slow gRPC call":
			return !waits(attribute(record, "method"))
		case "service failures":
			code := attribute(record, "grpc_code")
			return code != "DeadlineExceeded" && code != "Canceled"
		default:
			return true
		}
	}})
}

// waits reports whether a method of Temporal's frontend waits for an answer.
func waits(method string) bool {
	for _, name := range []string{"/ExecuteMultiOperation", "/UpdateWorkflowExecution",
		"/PollWorkflowExecutionUpdate"} {
		if strings.HasSuffix(method, name) {
			return true
		}
	}
	return false
}

func attribute(record slog.Record, key string) (text string) {
	record.Attrs(func(attr slog.Attr) bool {
		if attr.Key == key {
			text = attr.Value.String()
		}
		return attr.Key != key
	})
	return text
}

// filtered passes on the records for which keep returns true.
type filtered struct {
	slog.Handler
	keep func(slog.Record) bool
}

func (f filtered) Handle(ctx context.Context, record slog.Record) error {
	if !f.keep(record) {
		return nil
	}
	return f.Handler.Handle(ctx, record)
}

func (f filtered) WithAttrs(attrs []slog.Attr) slog.Handler {
	return filtered{f.Handler.WithAttrs(attrs), f.keep}
}

func (f filtered) WithGroup(name string) slog.Handler {
	return filtered{f.Handler.WithGroup(name), f.keep}
}
