package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
)

// assets has the editor in its folder built, if it was built: see editor.
//
//go:embed assets
var assets embed.FS

// island is the editor: scripts and styles that the pages /flows/new and /flows/{key}/edit load.
type island struct {
	// Script and Style are the paths of what a page loads first; empty if the editor was not built.
	Script, Style string
	files         map[string]islandFile
}

// islandFile is one file, as it is and compressed.
type islandFile struct {
	plain, compressed []byte
	contentType       string
}

// entry is the file of the manifest that pages load.
const entry = "src/main.ts"

// loadIsland reads the built editor. Without one the island is empty.
func loadIsland(built fs.FS) (*island, error) {
	i := &island{files: map[string]islandFile{}}
	data, err := fs.ReadFile(built, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return i, nil
	}
	if err != nil {
		return nil, err
	}
	var manifest map[string]struct {
		File string   `json:"file"`
		CSS  []string `json:"css"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, err
	}
	main, ok := manifest[entry]
	if !ok || len(main.CSS) == 0 {
		return nil, errors.New("the manifest of the editor has no " + entry + "; build it again: make console")
	}
	i.Script, i.Style = assetsPath+main.File, assetsPath+main.CSS[0]
	names, err := fs.Glob(built, "*")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == "manifest.json" {
			continue
		}
		plain, err := fs.ReadFile(built, name)
		if err != nil {
			return nil, err
		}
		i.files[name] = islandFile{plain, compressed(plain), mime.TypeByExtension(path.Ext(name))}
	}
	return i, nil
}

func compressed(plain []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one that there is
	_, _ = w.Write(plain)                                 // a buffer takes all
	_ = w.Close()
	return b.Bytes()
}

// assetsPath is where the files are. Their names have a digest, so browsers keep them.
const assetsPath = "/assets/"

func (i *island) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := i.files[strings.TrimPrefix(r.URL.Path, assetsPath)]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	w.Header().Set("Content-Type", file.contentType)
	w.Header().Set("Vary", "Accept-Encoding")
	content := file.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		content = file.compressed
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// editorBody is a page of the editor.
type editorBody struct {
	*island
	// Flow is the key of the flow; empty for a new one.
	Flow string
	// May is set if the actor may publish the flow.
	May bool
	// Taken are the keys of the flows that the actor sees, with spaces between.
	Taken string
}

// newFlow is the page on which a flow is created.
func (c *console) newFlow(w http.ResponseWriter, r *http.Request) {
	if !access.From(r.Context()).May(access.Editor) {
		c.refuse(w, r, http.StatusForbidden, "Flows cannot be created", "This needs the role editor.")
		return
	}
	var taken []string
	if flows, err := c.options.Flows.Flows(r.Context()); err == nil {
		for _, flow := range flows {
			if access.From(r.Context()).Sees(flow.Key, flow.Labels) {
				taken = append(taken, flow.Key)
			}
		}
	}
	c.show(w, r, http.StatusOK, "editor", c.page(r, "New flow", editorBody{island: c.island, May: true,
		Taken: strings.Join(taken, " ")}))
}

// edit is the page on which a flow is changed.
func (c *console) edit(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	flow, err := c.flow(r, key)
	if err != nil {
		c.refuse(w, r, http.StatusNotFound, "No such flow", err.Error())
		return
	}
	if !access.From(r.Context()).MayWith(access.Editor, key, flow.Labels) {
		c.refuse(w, r, http.StatusForbidden, "This flow cannot be changed", "This needs the role editor.")
		return
	}
	title := flow.Title
	if title == "" {
		title = key
	}
	c.show(w, r, http.StatusOK, "editor", c.page(r, title+", draft", editorBody{island: c.island, Flow: key,
		May: true}))
}

// flow finds a flow that the actor sees. One that has only a draft is unknown to the list.
func (c *console) flow(r *http.Request, key string) (api.Flow, error) {
	none := errors.New("there is no flow " + everhook.Shorten(key, 70))
	if !everhook.IsFlowKey(key) {
		return api.Flow{}, none
	}
	flows, err := c.options.Flows.Flows(r.Context())
	if err != nil {
		return api.Flow{}, err
	}
	for _, flow := range flows {
		if flow.Key == key {
			if !access.From(r.Context()).Sees(key, flow.Labels) {
				return api.Flow{}, none
			}
			return flow, nil
		}
	}
	return api.Flow{Key: key}, nil
}
