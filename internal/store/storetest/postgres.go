package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Postgres returns the URL of an empty PostgreSQL database of this test's own. One server serves all tests of the
// process; it ends with it. Without PostgreSQL on the machine the test is skipped, in CI it fails.
func Postgres(t testing.TB) string {
	t.Helper()
	running, err := server()
	if errors.Is(err, errNoPostgres) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	folder := running.folder
	admin := connect(t, at(folder, "postgres"))
	name := fmt.Sprintf("test%d", databases.Add(1))
	_, err = admin.Exec(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx := context.Background()
		_, err := connect(t, at(folder, "postgres")).Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
		require.NoError(t, err)
	})
	return at(folder, name)
}

// SQL runs a statement on a database without the store.
func SQL(t testing.TB, url, statement string) {
	t.Helper()
	_, err := connect(t, url).Exec(t.Context(), statement)
	require.NoError(t, err)
}

var databases atomic.Int64

func at(folder, database string) string {
	return "postgres://everhook@/" + database + "?host=" + folder
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}

var errNoPostgres = errors.New("there is no PostgreSQL in /usr/lib/postgresql or on the PATH: tests with it do not run")

// cluster is the server of this process. It ends when its input is closed.
type cluster struct {
	// folder has its socket.
	folder string
	input  io.Closer
}

// server starts the server of this process.
var server = sync.OnceValues(func() (running cluster, err error) {
	bin, err := binaries()
	if err != nil {
		return cluster{}, err
	}
	folder, err := os.MkdirTemp("", "everhook-postgres-")
	if err != nil {
		return cluster{}, err
	}
	attributes, err := owner(folder)
	if err != nil {
		return cluster{}, err
	}
	data := filepath.Join(folder, "data")
	initialise := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "everhook", "-A", "trust", "-E", "UTF8",
		"--locale=C", "--no-sync")
	initialise.SysProcAttr, initialise.Dir = attributes, folder
	if output, err := initialise.CombinedOutput(); err != nil {
		return cluster{}, fmt.Errorf("initdb: %w: %s", err, output)
	}
	input, err := start(bin, data, folder, attributes)
	return cluster{folder, input}, err
})

// untilClosed runs PostgreSQL until its input is closed, which happens when the process of the tests ends, however it
// ends. Then it removes the folder.
const untilClosed = `"$1" -D "$2" -k "$3" -c listen_addresses= -c max_connections=400 -c fsync=off -c full_page_writes=off \
	-c shared_buffers=64MB </dev/null &
read -r _
kill -QUIT $!
wait $!
rm -rf "$3"`

func start(bin, data, folder string, attributes *syscall.SysProcAttr) (io.Closer, error) {
	run := exec.Command("/bin/sh", "-c", untilClosed, "sh", filepath.Join(bin, "postgres"), data, folder)
	run.SysProcAttr, run.Dir = attributes, folder
	input, inputErr := run.StdinPipe()
	output, outputErr := run.StderrPipe()
	if err := errors.Join(inputErr, outputErr, run.Start()); err != nil {
		return nil, err
	}
	var said []string
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		said = append(said, lines.Text())
		if strings.Contains(lines.Text(), "ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return input, nil
		}
	}
	return nil, fmt.Errorf("PostgreSQL does not start: %s", strings.Join(said, "\n"))
}

// binaries returns the folder of PostgreSQL's programs.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errNoPostgres
	}
	return filepath.Dir(path), nil
}

// owner gives the folder to a user that may run PostgreSQL: root must not.
func owner(folder string) (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attributes, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.Atoi(account.Uid)
	gid, gidErr := strconv.Atoi(account.Gid)
	if err := errors.Join(uidErr, gidErr, os.Chown(folder, uid, gid)); err != nil {
		return nil, err
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, nil
}
