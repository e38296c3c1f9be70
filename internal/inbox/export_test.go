package inbox

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

// Decide is decide.
var Decide = decide
