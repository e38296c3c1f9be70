package flowdir_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/nodes"
)

func TestAFlowIsFoundByItsKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"one/flow.yaml": "key: one\nmode: async\ntrigger: { type: webhook }\n",
		"two.json":      `{"key":"two","mode":"async","trigger":{"type":"webhook"}}`,
		"again.yml":     "key: again\nmode: async\ntrigger: { type: webhook }\n",
		"again.yaml":    "key: again\nmode: sync\ntrigger: { type: webhook }\n",
		"other.yaml":    "no: flow\n", ".hidden/one.yaml": "key: one\nmode: async\ntrigger: { type: webhook }\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for key, want := range map[string]string{"one": "one/flow.yaml", "two": "two.json"} {
		flow, file, err := flowdir.Find(dir, nodes.Standard(), key)
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, want), file)
		require.Equal(t, key, flow.Definition.Key)
	}
	_, _, err := flowdir.Find(dir, nodes.Standard(), "again")
	require.EqualError(t, err, "the flow again is in again.yaml and again.yml; give the file instead of the key")
	_, _, err = flowdir.Find(dir, nodes.Standard(), "three")
	require.EqualError(t, err, "no flow three in "+dir+"; give its directory with --dir, or its file")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.yaml"), []byte("key: three\ntrigger: {\n"), 0o600))
	_, _, err = flowdir.Find(dir, nodes.Standard(), "three")
	require.EqualError(t, err, "no flow three in "+dir+", but files with errors: broken.yaml; see `everhook flow "+
		"validate`")
	_, _, err = flowdir.Find(filepath.Join(dir, "two.json"), nodes.Standard(), "two")
	require.ErrorContains(t, err, "is not a directory")
}
