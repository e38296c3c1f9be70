package payloads_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/payloads"
)

func TestADirectoryThatCannotBeUsedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, test := range map[string]struct{ path, want string }{
		"below a file":    {filepath.Join(file, "below"), "it lies below a file: choose another --payload-dir"},
		"not to write in": {"/proc/everhook", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := payloads.NewDirectory(test.path, "ns")
			require.NoError(t, err)
			err = d.Put(t.Context(), payloads.OwnerOf("w"), "w", payloads.NameOf([]byte("x"), noon), []byte("x"))
			require.Error(t, err)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestAFullDiskAndAReadOnlyOneAreExplained(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "the disk is full: free some space", syscall.EROFS: "choose another --payload-dir",
		syscall.EACCES: "choose another --payload-dir",
	} {
		err := payloads.Explain(&os.PathError{Op: "write", Path: "/somewhere", Err: errno})
		require.ErrorContains(t, err, want)
		require.ErrorIs(t, err, errno)
	}
}

func TestANamespaceThatIsNoNameIsRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "..", "a/b", `a\b`} {
		_, err := payloads.NewDirectory(t.TempDir(), id)
		require.Error(t, err, id)
	}
}

func TestOnlyTheOwnerMayReadObjects(t *testing.T) {
	t.Parallel()
	base := filepath.Join(t.TempDir(), "payloads")
	d, err := payloads.NewDirectory(base, "ns")
	require.NoError(t, err)
	owner, name := payloads.OwnerOf("w"), payloads.NameOf([]byte("x"), noon)
	require.NoError(t, d.Put(t.Context(), owner, "w", name, []byte("x")))
	for path, mode := range map[string]os.FileMode{base: 0o700 | os.ModeDir, filepath.Join(base, "ns", owner[:2], owner,
		name): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode())
	}
}

func TestWhatAKilledProcessLeftHalfWrittenIsDeletedADayLater(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	d, err := payloads.NewDirectory(base, "ns")
	require.NoError(t, err)
	aside := filepath.Join(base, "ns", "tmp")
	require.NoError(t, os.MkdirAll(aside, 0o700))
	old, fresh := filepath.Join(aside, "old"), filepath.Join(aside, "fresh")
	for _, path := range []string{old, fresh} {
		require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
	}
	require.NoError(t, os.Chtimes(old, time.Time{}, time.Now().Add(-25*time.Hour)))
	_, err = d.Owners(t.Context(), "", 1)
	require.NoError(t, err)
	require.NoFileExists(t, old)
	require.FileExists(t, fresh)
}
