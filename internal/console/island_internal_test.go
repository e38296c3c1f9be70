package console

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// built is a built editor.
func built() fstest.MapFS {
	return fstest.MapFS{
		"manifest.json": {Data: []byte(`{"src/main.ts":{"file":"main-1.js","css":["main-2.css"]}}`)},
		"main-1.js":     {Data: []byte("1;")}, "main-2.css": {Data: []byte("a{}")},
	}
}

func TestTheFilesOfTheEditorAreServed(t *testing.T) {
	t.Parallel()
	island, err := loadIsland(built())
	require.NoError(t, err)
	require.Equal(t, "/assets/main-1.js", island.Script)
	require.Equal(t, "/assets/main-2.css", island.Style)
	get := func(path, encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		island.serve(w, r)
		return w
	}
	w := get(island.Script, "br")
	require.Equal(t, "1;", w.Body.String())
	require.Contains(t, w.Header().Get("Content-Type"), "javascript")
	require.Contains(t, w.Header().Get("Cache-Control"), "immutable")
	require.Equal(t, "gzip", get(island.Style, "br, gzip").Header().Get("Content-Encoding"))
	for _, missing := range []string{"/assets/none.js", "/assets/manifest.json", "/assets/../console.go", "/assets/"} {
		require.Equal(t, 404, get(missing, "").Code, missing)
	}
}

func TestAnEditorThatWasNotBuiltIsNone(t *testing.T) {
	t.Parallel()
	island, err := loadIsland(fstest.MapFS{})
	require.NoError(t, err)
	require.Empty(t, island.Script)
	_, err = loadIsland(fstest.MapFS{"manifest.json": {Data: []byte("{}")}})
	require.ErrorContains(t, err, "build it again")
}

// Budgets of the editor in bytes, compressed.
const (
	firstLoad = 80_000
	textLoad  = 135_000
)

func TestTheEditorStaysWithinItsBudget(t *testing.T) {
	t.Parallel()
	island, err := loadIsland(os.DirFS("assets/built"))
	require.NoError(t, err)
	if island.Script == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("the editor is not built; .ci/run builds it")
		}
		t.Skip("the editor is not built; `make console` builds it")
	}
	size := func(address string) int { return len(island.files[path.Base(address)].compressed) }
	first := size(island.Script) + size(island.Style)
	all := 0
	for _, file := range island.files {
		all += len(file.compressed)
	}
	t.Logf("first load %d bytes, the text editor %d more", first, all-first)
	require.LessOrEqual(t, first, firstLoad)
	require.LessOrEqual(t, all-first, textLoad)
}
