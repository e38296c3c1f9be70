//go:build !noembedded

package embedded

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// logger passes messages of the server at warn and above to slog while it serves. During start and stop its messages
// are noise: its own workers can't reach it.
type logger struct {
	out     *slog.Logger
	serving *atomic.Bool
}

var (
	_ log.Logger     = logger{}
	_ log.WithLogger = logger{}
)

// fatal is the panic with which the server would end the process. Only Start recovers it.
type fatal string

func (l logger) With(tags ...tag.Tag) log.Logger {
	return logger{slog.New(l.out.Handler().WithAttrs(attributes(tags))), l.serving}
}

func (logger) Debug(string, ...tag.Tag) {}

func (logger) Info(string, ...tag.Tag) {}

// unwrapped is a warning that the server repeats for calls that it makes itself, for example to start subflows: it adds
// less to its own log.
const unwrapped = "TrailerToContextMetadataInterceptor: Trailer had metadata but context not wrapped"

func (l logger) Warn(msg string, tags ...tag.Tag) {
	if msg != unwrapped {
		l.log(slog.LevelWarn, msg, tags)
	}
}

func (l logger) Error(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// DPanic panics in development builds only, which this is not.
func (l logger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

func (l logger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic(msg)
}

func (l logger) Fatal(msg string, tags ...tag.Tag) {
	for _, t := range tags {
		if t.Key() == "error" {
			msg += ": " + slog.AnyValue(t.Value()).String()
		}
	}
	panic(fatal(msg))
}

func (l logger) log(level slog.Level, msg string, tags []tag.Tag) {
	if ctx := context.Background(); l.serving.Load() && l.out.Enabled(ctx, level) {
		l.out.LogAttrs(ctx, level, msg, attributes(tags)...)
	}
}

func attributes(tags []tag.Tag) []slog.Attr {
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	return attrs
}
