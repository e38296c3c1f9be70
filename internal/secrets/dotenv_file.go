package secrets

import (
	"os"
	"time"
)

// dotEnvFile is a .env file that is read when it changes.
type dotEnvFile struct {
	path string
	// size and modified are those of the file as it was read last; without a file the size is -1.
	size     int64
	modified time.Time
}

// read gives the variables if the file changed since the last call. A file that cannot be read is an error once.
func (f *dotEnvFile) read() (variables []string, changed bool, err error) {
	size, modified := int64(-1), time.Time{}
	if info, err := os.Stat(f.path); err == nil {
		size, modified = info.Size(), info.ModTime()
	}
	if size == f.size && modified.Equal(f.modified) {
		return nil, false, nil
	}
	f.size, f.modified = size, modified
	variables, err = ReadDotEnv(f.path)
	return variables, err == nil, err
}
