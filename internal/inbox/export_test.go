package inbox

import "context"

// Kill ends the process's part of a file as kill -9 does: what no caller waits for is lost.
func (f *File) Kill() {
	f.end()
	f.done.Wait()
	f.writer.killed.Store(true)
	_ = f.writer.close()
	_ = f.reads.Close()
	_ = f.lock.Unlock()
}

// Kill ends the process's part of a database as kill -9 does: what no caller waits for is lost, and leases stay.
func (s *Shared) Kill() {
	s.killed.Store(true)
	s.end()
	s.done.Wait()
}

// TakeUnanswered takes rows as if the connection broke between the commit and its answer.
func (s *Shared) TakeUnanswered(ctx context.Context, flow string) error {
	rows, err := s.Take(ctx, flow, 100)
	s.leases.remove(rows...)
	return err
}

// Decide is decide.
var Decide = decide
