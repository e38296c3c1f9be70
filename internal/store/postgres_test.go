package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
)

func TestOpenRefusesDatabasesOfPostgres(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make func(t *testing.T, url string) string
		want string
	}{
		"a schema of something else": {func(t *testing.T, url string) string {
			storetest.SQL(t, url, `CREATE SCHEMA everhook; CREATE TABLE everhook.other (x int)`)
			return url
		}, `the schema "everhook" has tables that are not Everhook's; name another one with ?search_path=NAME in the`},
		"a schema of a newer program": {func(t *testing.T, url string) string {
			storetest.Place(url).Open(t)
			storetest.SQL(t, url, `UPDATE everhook.schema_version SET steps = 1000`)
			return url
		}, "the database was written by a newer Everhook (schema 1000"},
		"a database that cannot hold every text": {func(t *testing.T, url string) string {
			storetest.SQL(t, url, `CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0`)
			return regexp.MustCompile(`/test\d+`).ReplaceAllString(url, "/latin")
		}, "the database has the encoding LATIN1; create one with ENCODING 'UTF8'"},
		"a user without rights": {func(t *testing.T, url string) string {
			storetest.SQL(t, url, `CREATE ROLE stranger LOGIN`)
			return strings.Replace(url, "everhook@", "stranger@", 1)
		}, "let the owner of the database run CREATE SCHEMA everhook"},
		"a database that does not exist": {func(t *testing.T, url string) string {
			return regexp.MustCompile(`/test\d+`).ReplaceAllString(url, "/nothing")
		}, "database nothing: "},
		"a server that does not exist": {func(t *testing.T, string string) string {
			return "postgres://everhook@/db?host=" + t.TempDir()
		}, "connect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.Open(t.Context(), test.make(t, storetest.Postgres(t)))
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestErrorsOfOpenHideThePassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://user:hunter2%zz@host/db",
		"postgres://user:hunter2@host:port/db",
		"postgres://user:hun@ter2:x@host/db?sslmode=nonsense",
		"postgres://user:hunter2@127.0.0.1:1/db",
		"postgres://user@127.0.0.1:1/db?password=hunter2&sslmode=nonsense",
		"postgres://user@127.0.0.1:1/db?password=hunter2",
	} {
		_, err := store.Open(t.Context(), url)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2", url)
		require.NotContains(t, err.Error(), "ter2", url)
	}
}

func TestASchemaCanHaveAnotherName(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	a, b := storetest.Place(url+"&search_path=one").Open(t), storetest.Place(url+"&search_path=two").Open(t)
	apply(t, a, define("a", "", ""), true)
	_, err := b.Flow(t.Context(), "a")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestProcessesThatStartTogetherMakeOneSchema(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				s, err := store.Open(t.Context(), string(at))
				if err == nil {
					err = s.Close()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		apply(t, at.Open(t), define("a", "", ""), true)
	})
}

// The file was written by the build of 7e3d239e, whose schema has two steps.
func TestADatabaseOfTheFirstBuildsOpens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "everhook.db")
	data, err := os.ReadFile("testdata/schema-2.db")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	s := open(t, path)
	flows, err := s.Flows(t.Context())
	require.NoError(t, err)
	require.Len(t, flows, 2)
	require.Equal(t, "orders", flows[1].Key)
	require.Equal(t, "order-token-1", flows[1].Token)
	require.Equal(t, 1, flows[1].Enabled)
	require.Equal(t, 2, flows[1].Latest)
	version, err := s.Version(t.Context(), "orders", 2)
	require.NoError(t, err)
	require.Equal(t, define("orders", "Second", "order-token-1"), version.Definition)
	payload, err := s.Payloads("ns").Get(t.Context(), "owner", "name")
	require.NoError(t, err)
	require.Equal(t, "large", string(payload))

	require.NoError(t, s.Enable(t.Context(), "orders", 2))
	require.Equal(t, 3, apply(t, s, define("orders", "Third", ""), true).Version.Number)
	require.Equal(t, 1, apply(t, s, define("off", "Off", ""), true).Version.Number)
}

func TestTextsThatPostgresCannotHoldAreReplaced(t *testing.T) {
	t.Parallel()
	s := storetest.Place(storetest.Postgres(t)).Open(t)
	def := define("a", "one\x00two", "")
	_, err := s.Apply(t.Context(), def, "caf\xe9.yaml", store.ApplyOptions{Enable: true})
	require.NoError(t, err)
	flow, err := s.Flow(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "one\uFFFDtwo", flow.Title)
	require.Equal(t, "caf\uFFFD.yaml", flow.Source)
	version, err := s.Version(t.Context(), "a", 1)
	require.NoError(t, err)
	require.Equal(t, def, version.Definition, "the content is kept as it is")
}

func TestWatchersAreToldOfChanges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		s := at.Open(t)
		changed := s.Watch(t.Context(), store.Flows)
		apply(t, s, define("a", "", ""), true)
		<-changed
	})
}

func TestWatchersAreToldOfChangesByOtherProcesses(t *testing.T) {
	t.Parallel()
	at := storetest.Place(storetest.Postgres(t))
	here, there := at.Open(t), at.Open(t)
	changed := here.Watch(t.Context(), store.Flows)
	<-changed // the listener is connected
	for i := range 3 {
		apply(t, there, define("a", fmt.Sprint(i), ""), true)
		<-changed
	}
	// The connection is lost and made again.
	storetest.SQL(t, string(at), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
	<-changed
	apply(t, there, define("a", "last", ""), true)
	<-changed
}

// Two processes apply, enable, disable and delete the same flows at the same time. Afterwards each flow has all
// versions of its last life, and each change that was confirmed is one of a sequence of changes.
func TestConcurrentChangesOfFlowsSerialise(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		stores := []*store.Store{at.Open(t), at.Open(t)}
		var group sync.WaitGroup
		for worker := range 8 {
			s, random := stores[worker%2], rand.New(rand.NewPCG(uint64(worker), 1))
			group.Go(func() {
				for round := range 25 {
					key, err := fmt.Sprintf("flow-%d", random.IntN(3)), error(nil)
					switch random.IntN(8) {
					case 0:
						err = s.Delete(t.Context(), key)
					case 1:
						err = s.Disable(t.Context(), key)
					case 2, 3:
						err = s.Enable(t.Context(), key, 1+random.IntN(3))
					default:
						var applied store.Applied
						applied, err = s.Apply(t.Context(), define(key, fmt.Sprint(worker, round), ""), "test",
							store.ApplyOptions{Enable: random.IntN(2) == 0})
						if err == nil && !applied.Created {
							err = errors.New("new content made no version")
						}
					}
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		flows, err := stores[0].Flows(t.Context())
		require.NoError(t, err)
		for _, flow := range flows {
			versions, err := stores[1].Versions(t.Context(), flow.Key)
			require.NoError(t, err)
			require.Len(t, versions, flow.Latest, "every version is there")
			require.LessOrEqual(t, flow.Enabled, flow.Latest)
		}
	})
}

func TestNoVersionIsLostAndOneIsEnabled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		stores := []*store.Store{at.Open(t), at.Open(t)}
		apply(t, stores[0], define("a", "first", ""), true)
		const workers, rounds = 6, 15
		var group sync.WaitGroup
		var applied sync.Map
		for worker := range workers {
			group.Go(func() {
				for round := range rounds {
					title := fmt.Sprint(worker, "/", round)
					done, err := stores[worker%2].Apply(t.Context(), define("a", title, ""), "test",
						store.ApplyOptions{Enable: true})
					if err == nil {
						_, twice := applied.LoadOrStore(done.Version.Number, title)
						if twice {
							err = fmt.Errorf("version %d was given twice", done.Version.Number)
						}
					}
					if err == nil {
						err = stores[(worker+1)%2].Enable(t.Context(), "a", done.Version.Number)
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		versions, err := stores[0].Versions(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, versions, 1+workers*rounds)
		for _, version := range versions[:workers*rounds] {
			title, ok := applied.Load(version.Number)
			require.True(t, ok)
			require.Equal(t, title, version.Title, "a number names what its caller applied")
		}
		enabled, err := stores[1].EnabledVersions(t.Context())
		require.NoError(t, err)
		require.Len(t, enabled, 1)
	})
}

func TestAStoppedWriterDoesNotKeepItsLocks(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	at := storetest.Place(url + "&idle_in_transaction_session_timeout=300ms")
	stopped, other := at.Open(t), at.Open(t)
	hold := make(chan struct{})
	held := make(chan error, 1)
	entered := make(chan struct{})
	go func() {
		held <- stopped.ChangeFlows(t.Context(), func() error {
			close(entered)
			<-hold
			return nil
		})
	}()
	<-entered
	began := time.Now()
	apply(t, other, define("a", "", ""), true)
	require.Less(t, time.Since(began), 5*time.Second)
	close(hold)
	require.Error(t, <-held, "the transaction of the stopped writer was ended")
}
