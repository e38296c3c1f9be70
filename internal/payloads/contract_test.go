package payloads_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/proto"

	"github.com/everhook/everhook/internal/payloads"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
)

// place is an implementation of Objects under test: each call opens the same storage for a namespace.
type place struct {
	name string
	make func(t *testing.T) func(namespace string) payloads.Objects
}

var places = []place{
	{"a directory", func(t *testing.T) func(string) payloads.Objects {
		path := filepath.Join(t.TempDir(), "not", "there")
		return func(namespace string) payloads.Objects {
			d, err := payloads.NewDirectory(path, namespace)
			require.NoError(t, err)
			return d
		}
	}},
	{"the store", func(t *testing.T) func(string) payloads.Objects {
		s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "everhook.db"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return func(namespace string) payloads.Objects { return s.Payloads(namespace) }
	}},
	{"the store on PostgreSQL", func(t *testing.T) func(string) payloads.Objects {
		s := storetest.Place(storetest.Postgres(t)).Open(t)
		return func(namespace string) payloads.Objects { return s.Payloads(namespace) }
	}},
}

// each runs a test for every implementation of Objects.
func each(t *testing.T, test func(t *testing.T, open func(namespace string) payloads.Objects)) {
	t.Parallel()
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			test(t, place.make(t))
		})
	}
}

var noon = time.Date(2026, 2, 3, 12, 30, 0, 0, time.UTC)

func TestAnObjectIsReadAsItWasPut(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		o, data, owner := open("ns"), []byte("large\x00"), payloads.OwnerOf("flow/run")
		name := payloads.NameOf(data, noon)
		_, err := o.Get(t.Context(), owner, name)
		require.ErrorIs(t, err, fs.ErrNotExist)
		for range 2 {
			require.NoError(t, o.Put(t.Context(), owner, "flow/run", name, data), "again is the same")
		}
		read, err := open("ns").Get(t.Context(), owner, name)
		require.NoError(t, err)
		require.Equal(t, data, read)
		workflow, root, err := o.Owner(t.Context(), owner)
		require.NoError(t, err)
		require.Equal(t, []string{"flow/run", ""}, []string{workflow, root})
		require.NoError(t, o.SetRoot(t.Context(), owner, "flow/root"))
		_, root, err = o.Owner(t.Context(), owner)
		require.NoError(t, err)
		require.Equal(t, "flow/root", root)
		names, err := o.Names(t.Context(), owner)
		require.NoError(t, err)
		require.Equal(t, []string{name}, names)
	})
}

func TestNamespacesDoNotSeeEachOthersObjects(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		data, owner := []byte("large"), payloads.OwnerOf("flow/run")
		name := payloads.NameOf(data, noon)
		require.NoError(t, open("one").Put(t.Context(), owner, "flow/run", name, data))
		_, err := open("two").Get(t.Context(), owner, name)
		require.ErrorIs(t, err, fs.ErrNotExist)
		owners, err := open("two").Owners(t.Context(), "", 10)
		require.NoError(t, err)
		require.Empty(t, owners)
		_, err = open("two").Delete(t.Context(), owner, []string{name})
		require.NoError(t, err)
		_, err = open("one").Get(t.Context(), owner, name)
		require.NoError(t, err)
	})
}

func TestOwnersComeInOrderAndByPages(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		o := open("ns")
		var want []string
		for i := range 30 {
			workflow := fmt.Sprintf("flow/%d", i)
			want = append(want, payloads.OwnerOf(workflow))
			require.NoError(t, o.Put(t.Context(), want[i], workflow, payloads.NameOf([]byte("x"), noon), []byte("x")))
		}
		slices.Sort(want)
		var got []string
		for after := ""; ; {
			page, err := o.Owners(t.Context(), after, 7)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), 7)
			got = append(got, page...)
			if len(page) < 7 {
				break
			}
			after = page[len(page)-1]
		}
		require.Equal(t, want, got)
	})
}

func TestDeletingLeavesTheOthersAndForgetsAnEmptyOwner(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		o, owner := open("ns"), payloads.OwnerOf("flow/run")
		old, late := payloads.NameOf([]byte("old"), noon), payloads.NameOf([]byte("later"), noon.Add(time.Hour))
		require.NoError(t, o.Put(t.Context(), owner, "flow/run", old, []byte("old")))
		require.NoError(t, o.Put(t.Context(), owner, "flow/run", late, []byte("later")))
		freed, err := o.Delete(t.Context(), owner, []string{old, payloads.NameOf([]byte("never there"), noon)})
		require.NoError(t, err)
		require.EqualValues(t, 3, freed)
		names, err := o.Names(t.Context(), owner)
		require.NoError(t, err)
		require.Equal(t, []string{late}, names)
		owners, err := o.Owners(t.Context(), "", 10)
		require.NoError(t, err)
		require.Equal(t, []string{owner}, owners)
		_, err = o.Delete(t.Context(), owner, names)
		require.NoError(t, err)
		owners, err = o.Owners(t.Context(), "", 10)
		require.NoError(t, err)
		require.Empty(t, owners)
	})
}

func TestWhatIsPutWhileEmptyOwnersAreForgottenStays(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		o, owner := open("ns"), payloads.OwnerOf("flow/run")
		stop := make(chan struct{})
		var forgetting sync.WaitGroup
		for range 2 {
			forgetting.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = o.Delete(context.Background(), owner, nil)
					}
				}
			})
		}
		for i := range 40 {
			data := fmt.Appendf(nil, "object %d", i)
			name := payloads.NameOf(data, noon)
			if err := o.Put(t.Context(), owner, "flow/run", name, data); err != nil {
				require.ErrorIs(t, err, fs.ErrNotExist, "the SDK tries again")
				continue
			}
			read, err := o.Get(t.Context(), owner, name)
			require.NoError(t, err)
			require.Equal(t, data, read)
			_, err = o.Delete(t.Context(), owner, []string{name})
			require.NoError(t, err)
		}
		close(stop)
		forgetting.Wait()
	})
}

func target(workflow string) converter.StorageDriverTargetInfo {
	return converter.StorageDriverWorkflowInfo{Namespace: "default", WorkflowID: workflow}
}

func payload(data []byte) *commonpb.Payload {
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain"), "a": []byte("b")},
		Data: data}
}

func TestADriverGivesBackWhatItStored(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		d := payloads.NewDriver(payloads.DirectoryDriver, open("ns"))
		var all []*commonpb.Payload
		for i := range 20 {
			all = append(all, payload(bytes.Repeat([]byte{byte(i)}, 10_000)))
		}
		claims, err := d.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: target("flow/run")},
			all)
		require.NoError(t, err)
		again, err := d.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: target("flow/run")},
			all)
		require.NoError(t, err)
		require.Equal(t, claims, again, "the same bytes in the same hour are the same object")
		got, err := d.Retrieve(converter.StorageDriverRetrieveContext{Context: t.Context()}, claims)
		require.NoError(t, err)
		for i := range all {
			require.True(t, proto.Equal(all[i], got[i]), "in order")
		}
	})
}

func TestAWorkerThatStopsDoesNotCutOffWhatItStores(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		d := payloads.NewDriver(payloads.DirectoryDriver, open("ns"))
		one := []*commonpb.Payload{payload([]byte("what came of it"))}
		stopped, stop := context.WithCancelCause(t.Context())
		stop(worker.ErrWorkerShutdown)
		_, err := d.Store(converter.StorageDriverStoreContext{Context: stopped, Target: target("flow/run")}, one)
		require.NoError(t, err)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = d.Store(converter.StorageDriverStoreContext{Context: gone, Target: target("flow/run")}, one)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestManyStoreAndRetrieveAtOnce(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		d := payloads.NewDriver(payloads.StoreDriver, open("ns"))
		var all sync.WaitGroup
		failures := make([]error, 16)
		for i := range failures {
			all.Go(func() {
				one := []*commonpb.Payload{payload(bytes.Repeat([]byte{byte(i % 4)}, 300_000))}
				claims, err := d.Store(converter.StorageDriverStoreContext{Context: t.Context(),
					Target: target(fmt.Sprint(i % 3))}, one)
				if err != nil {
					failures[i] = err
					return
				}
				got, err := d.Retrieve(converter.StorageDriverRetrieveContext{Context: t.Context()}, claims)
				if err == nil && !proto.Equal(one[0], got[0]) {
					err = fmt.Errorf("read something else")
				}
				failures[i] = err
			})
		}
		all.Wait()
		for _, err := range failures {
			require.NoError(t, err)
		}
	})
}

func TestAnObjectThatIsGoneOrDamagedIsAClearError(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		o := open("ns")
		d := payloads.NewDriver(payloads.DirectoryDriver, o)
		owner, name := payloads.OwnerOf("flow/run"), payloads.NameOf([]byte("what it was"), noon)
		claim := converter.StorageDriverClaim{ClaimData: map[string]string{"object": owner + "/" + name}}
		_, err := d.Retrieve(converter.StorageDriverRetrieveContext{Context: t.Context()},
			[]converter.StorageDriverClaim{claim})
		require.ErrorContains(t, err, "is not in "+o.String())
		require.ErrorContains(t, err, "--payload-dir")
		require.NoError(t, o.Put(t.Context(), owner, "flow/run", name, []byte("what it is")))
		_, err = d.Retrieve(converter.StorageDriverRetrieveContext{Context: t.Context()},
			[]converter.StorageDriverClaim{claim})
		require.ErrorContains(t, err, "it is damaged")
		notPayload := []byte("\xff\xff")
		name = payloads.NameOf(notPayload, noon)
		require.NoError(t, o.Put(t.Context(), owner, "flow/run", name, notPayload))
		claim.ClaimData["object"] = owner + "/" + name
		_, err = d.Retrieve(converter.StorageDriverRetrieveContext{Context: t.Context()},
			[]converter.StorageDriverClaim{claim})
		require.ErrorContains(t, err, "the large payload "+owner)
	})
}

func TestWhatIsLargerThanAnObjectIsNeitherStoredNorRead(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		o := open("ns")
		d := payloads.NewDriver(payloads.DirectoryDriver, o)
		data := make([]byte, payloads.MaxObject+1)
		_, err := d.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: target("flow/run")},
			[]*commonpb.Payload{payload(data)})
		require.ErrorContains(t, err, "larger than the 67108864")
		owner, name := payloads.OwnerOf("flow/run"), payloads.NameOf(data, noon)
		require.NoError(t, o.Put(t.Context(), owner, "flow/run", name, data))
		_, err = o.Get(t.Context(), owner, name)
		require.ErrorContains(t, err, "larger than the 67108864 bytes")
	})
}

func FuzzAClaimNeverLeadsOutsideOfItsPlace(f *testing.F) {
	owner, name := payloads.OwnerOf("flow/run"), payloads.NameOf([]byte("x"), noon)
	for _, seed := range []string{"", "/", "../../etc/passwd", owner + "/" + name, owner + "/../" + name, owner +
		"/workflow", owner + "/" + name + "\x00", owner + "//" + name, "/" + owner + "/" + name} {
		f.Add(seed)
	}
	dir := f.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(f, os.WriteFile(secret, []byte("secret"), 0o600))
	inside, err := payloads.NewDirectory(filepath.Join(dir, "payloads"), "ns")
	require.NoError(f, err)
	d := payloads.NewDriver(payloads.DirectoryDriver, spy{inside})
	f.Fuzz(func(t *testing.T, claim string) {
		_, err := d.Retrieve(converter.StorageDriverRetrieveContext{Context: t.Context()},
			[]converter.StorageDriverClaim{{ClaimData: map[string]string{"object": claim}}})
		require.Error(t, err)
		require.Less(t, len(err.Error()), 1000)
	})
}

// spy fails a test that looks an object up by other names than owner and name.
type spy struct{ payloads.Objects }

func (s spy) Get(ctx context.Context, owner, name string) ([]byte, error) {
	if len(owner) != 32 || filepath.Base(owner) != owner || filepath.Base(name) != name ||
		filepath.Clean(name) != name || len(name) > 75 {
		panic("asked for " + owner + " / " + name)
	}
	return s.Objects.Get(ctx, owner, name)
}

func TestOnlyWhatTemporalDoesNotTakeIsStoredWhereTheSettingIsOff(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		driver := payloads.NewDriver(payloads.DirectoryDriver, open("ns"))
		for _, test := range []struct {
			off    bool
			size   int
			stored bool
		}{{false, 300_000, true}, {true, 300_000, false}, {true, 1_950_000, false}, {true, 2_000_001, true}} {
			external := payloads.External(256<<10, test.off, driver)
			selected, err := external.DriverSelector.SelectDriver(converter.StorageDriverSelectContext{},
				&commonpb.Payload{Data: make([]byte, test.size)})
			require.NoError(t, err)
			require.Equal(t, test.stored, selected != nil, "%+v", test)
		}
	})
}
