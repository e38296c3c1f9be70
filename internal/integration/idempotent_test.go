package integration

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/api"
)

// rotator rotates the token of a flow again and again. It repeats a request without an answer, with the same key, until
// it has one.
type rotator struct {
	flow string
	urls []string
}

// next makes one request. Admin is the address of the process of this moment.
func (r *rotator) next(ctx context.Context, admin *atomic.Pointer[string], key string) {
	for ctx.Err() == nil {
		got, err := call(ctx, http.MethodPost, *admin.Load()+"/api/v1/flows/"+r.flow+"/rotate-token",
			[]byte(`{"graceSeconds":60}`), func(h *http.Request) {
				h.Header.Set("Content-Type", "application/json")
				h.Header.Set("Idempotency-Key", key)
			})
		var flow api.Flow
		if err == nil && got.status == http.StatusOK && json.Unmarshal([]byte(got.body), &flow) == nil {
			r.urls = append(r.urls, flow.URL)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestAKilledProcessHasMadeAChangeOnce kills processes until one of them dies between a change and its answer. The same
// request to the next process then gets the result of the first, and changes nothing.
func TestAKilledProcessHasMadeAChangeOnce(t *testing.T) {
	t.Parallel()
	const mostKills, rotators = 20, 6
	data := t.TempDir()
	files := map[string]string{}
	var all [rotators]rotator
	for i := range all {
		all[i].flow = fmt.Sprintf("rotated-%d", i)
		files[all[i].flow+".yaml"] = "key: " + all[i].flow + "\nmode: async\ntrigger: { type: webhook }\nnodes: []\n"
	}
	flows := writeFlows(t, files)
	p := spawn(t, flows, data)
	var admin atomic.Pointer[string]
	use := func() { address := p.admin(t); admin.Store(&address) }
	use()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var stopped atomic.Bool
	var done atomic.Int64
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			for n := 0; !stopped.Load() && ctx.Err() == nil; n++ {
				all[i].next(ctx, &admin, fmt.Sprintf("%s-%d", all[i].flow, n))
				done.Add(1)
			}
		})
	}
	left := 0
	for kills := 0; left == 0; kills++ {
		require.Less(t, kills, mostKills, "no process died between a change and its answer")
		before := done.Load()
		require.Eventually(t, func() bool { return done.Load() > before+rotators }, patience, time.Millisecond)
		p.kill()
		left = changedRequests(t, data)
		p = spawn(t, flows, data)
		use()
	}
	stopped.Store(true)
	group.Wait()
	for _, r := range all {
		got, err := call(t.Context(), http.MethodGet, *admin.Load()+"/api/v1/flows/"+r.flow, nil)
		require.NoError(t, err)
		var flow api.Flow
		require.NoError(t, json.Unmarshal([]byte(got.body), &flow))
		// Each process has a port of its own.
		require.Equal(t, path.Base(r.urls[len(r.urls)-1]), path.Base(flow.URL), r.flow)
		require.Equal(t, len(r.urls), rotations(t, *admin.Load(), r.flow))
	}
}

// changedRequests counts the requests whose change was committed, and whose answer was not.
func changedRequests(t *testing.T, data string) (count int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "everhook.db"))
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.QueryRowContext(t.Context(),
		`SELECT count(*) FROM requests WHERE state = 'changed'`).Scan(&count))
	return count
}

// rotations counts the rotations of a flow in the audit trail.
func rotations(t *testing.T, admin, flow string) (count int) {
	t.Helper()
	for page := ""; ; {
		got, err := call(t.Context(), http.MethodGet,
			admin+"/api/v1/audit?action=rotate-token&limit=200&name="+flow+"&page="+page, nil)
		require.NoError(t, err)
		var list api.AuditList
		require.NoError(t, json.Unmarshal([]byte(got.body), &list), got.body)
		count += len(list.Entries)
		if page = list.Next; page == "" {
			return count
		}
	}
}
