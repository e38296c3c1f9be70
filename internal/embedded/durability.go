//go:build !noembedded

package embedded

import (
	"context"
	"fmt"
	"os"
	"sync"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// flusher makes commits survive a power cut, for a fraction of the cost of SQLite's synchronous=FULL. FULL flushes the
// write-ahead log on every commit, several times for each step of a run, and blocks all other writes meanwhile. But a
// commit must be on disk only before it is reported. So SQLite runs with synchronous=NORMAL, which keeps a database
// consistent and does not flush commits. Whatever reports a commit flushes first: the frontend before every response
// (intercept), the visibility store before the server forgets a task (durableVisibility). A flush covers every earlier
// commit of that database. Callers share it: all that arrive during a flush wait for the next one.
type flusher struct {
	mu      sync.Mutex
	wal     *os.File // nil: commits need not survive a power cut
	running bool
	next    *flush
	failure error
}

// flush is one flush, with the callers that wait for it.
type flush struct {
	done chan struct{}
	err  error
}

// open is called before the first flush, while a connection holds the database open: the write-ahead log stays the same
// file until the last connection closes.
func (f *flusher) open(s store) (err error) {
	f.wal, err = os.OpenFile(s.path+"-wal", os.O_RDWR, 0)
	return err
}

// close closes the log.
func (f *flusher) close() error {
	if f.wal == nil {
		return nil
	}
	return f.wal.Close()
}

// flush returns when everything that was committed before the call is on disk. It never succeeds again after a failure:
// the kernel may have dropped what it could not write.
func (f *flusher) flush() error {
	if f.wal == nil {
		return nil
	}
	f.mu.Lock()
	if f.next == nil {
		f.next = &flush{done: make(chan struct{})}
	}
	mine := f.next
	if !f.running {
		f.running = true
		go f.run()
	}
	f.mu.Unlock()
	<-mine.done
	return mine.err
}

// failed is the failure after which nothing is flushed any more, or nil.
func (f *flusher) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failure
}

// run flushes until no caller waits.
func (f *flusher) run() {
	for {
		f.mu.Lock()
		current := f.next
		f.next, f.running = nil, current != nil
		f.mu.Unlock()
		if current == nil {
			return
		}
		if f.failed() == nil {
			if err := syncData(f.wal); err != nil {
				f.mu.Lock()
				f.failure = fmt.Errorf("%s can't be flushed to disk; check the disk: %w", f.wal.Name(), err)
				f.mu.Unlock()
			}
		}
		current.err = f.failed()
		close(current.done)
	}
}

// intercept delays a response of the frontend until everything that it reports is on disk. This includes errors such as
// "the run exists already". Only a workflow task is sent at once, because it has no effect before it is completed.
func (f *flusher) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo,
	handle grpc.UnaryHandler) (any, error) {
	response, err := handle(ctx, request)
	if _, ok := request.(*workflowservice.PollWorkflowTaskQueueRequest); ok {
		return response, err
	}
	if failure := f.flush(); failure != nil {
		return nil, serviceerror.NewUnavailable(failure.Error())
	}
	return response, err
}
