package receiver

import (
	"bytes"
	"strings"
)

// apiPath begins the paths of webhooks.
const apiPath = "/api/webhook:"

// plainPath gives the path of a webhook as this server writes it, for a path that some senders and proxies make of it:
// with the colon escaped ("/api/webhook%3Atrigger"), with slashes doubled or with one at the end. It gives false for
// every other path, and for one that is plain already.
func plainPath(sent []byte) (string, bool) {
	if !bytes.Contains(sent, []byte("//")) && !bytes.HasSuffix(sent, []byte("/")) && bytes.IndexByte(sent, '%') < 0 {
		return "", false
	}
	path := escapedColon.Replace(string(sent))
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	path = strings.TrimSuffix(path, "/")
	return path, strings.HasPrefix(path, apiPath) && path != string(sent)
}

var escapedColon = strings.NewReplacer("%3A", ":", "%3a", ":")

// usePlainPath lets the request be routed by its plain path. A signature is still verified with the path that was sent.
func (c *call) usePlainPath() {
	uri := c.ctx.URI()
	path, differs := plainPath(uri.PathOriginal())
	if !differs {
		return
	}
	c.sentPath = string(uri.PathOriginal())
	uri.SetPath(path)
}
