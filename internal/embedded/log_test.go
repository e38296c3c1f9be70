//go:build !noembedded

package embedded

import (
	"bytes"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/log/tag"
)

func TestTheServersLogReachesSlog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logger{out: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug,
		ReplaceAttr: withoutTime})), serving: new(atomic.Bool)}
	l.Error("while it starts")
	l.serving.Store(true)
	l.Debug("noise")
	l.Info("noise")
	l.Warn(unwrapped)
	l.Warn("slow", tag.WorkflowID("orders/1"))
	named := l.With(tag.NewStringTag("service", "history"))
	named.Error("broken", tag.Error(errors.New("disk")))
	named.DPanic("impossible")
	require.PanicsWithValue(t, "wrong", func() { named.Panic("wrong") })
	require.PanicsWithValue(t, fatal("no port: in use"),
		func() { named.Fatal("no port", tag.Error(errors.New("in use"))) })
	require.Equal(t, `level=WARN msg=slow wf-id=orders/1
level=ERROR msg=broken service=history error=disk
level=ERROR msg=impossible service=history
level=ERROR msg=wrong service=history
`, out.String())
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
