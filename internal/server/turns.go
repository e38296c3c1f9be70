package server

import (
	"context"
	"strings"

	"google.golang.org/grpc"
)

// responsesAtOnce is how many results of effects are reported to the embedded server at the same time. It has one
// connection that writes: if all results of a busy flow were queued for it, every other call would wait for them.
const responsesAtOnce = 8

// takeTurns lets few calls that report results of activities run at the same time; the others wait in this process.
func takeTurns(atOnce int) grpc.UnaryClientInterceptor {
	places := make(chan struct{}, atOnce)
	return func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if !strings.Contains(method, "/RespondActivityTask") {
			return invoke(ctx, method, request, reply, connection, options...)
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-places }()
		return invoke(ctx, method, request, reply, connection, options...)
	}
}
