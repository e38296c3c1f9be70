//go:build !noembedded

package embedded

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// logger hands what the server logs at warn and above to slog while it serves. What it says when it starts and stops
// is noise: that its own workers find nobody to talk to.
type logger struct {
	out     *slog.Logger
	serving *atomic.Bool
}

var (
	_ log.Logger     = logger{}
	_ log.WithLogger = logger{}
)

// fatal is what the server panics with where it would rather end the process: Start recovers it, nothing else does.
type fatal string

func (l logger) With(tags ...tag.Tag) log.Logger {
	return logger{slog.New(l.out.Handler().WithAttrs(attributes(tags))), l.serving}
}

func (logger) Debug(string, ...tag.Tag) {}

func (logger) Info(string, ...tag.Tag) {}

// unwrapped is what the server warns of, over and over, about calls that it makes itself, as to start the runs of
// subflows: it adds less to its own log.
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
