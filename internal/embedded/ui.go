//go:build !noembedded

package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/temporalio/ui-server/v2/server/api"
	"github.com/temporalio/ui-server/v2/server/auth"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/headers"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
)

// quietUI is newUI without the lines that the UI server writes to the standard log for each certificate.
func quietUI(frontend string, access config.TLS, o Options, readOnly bool) (http.Handler, error) {
	out := log.Writer()
	log.SetOutput(io.Discard)
	defer log.SetOutput(out)
	return newUI(frontend, access, o, readOnly)
}

// newUI assembles the web UI from the parts of the UI server, and serves it in this process. That server's own Start
// would listen on one more port, and end the process if the port is in use. A read-only one changes nothing.
func newUI(frontend string, access config.TLS, o Options, readOnly bool) (http.Handler, error) {
	assets, err := uiAssets(o.UIPublicPath)
	if err != nil {
		return nil, fmt.Errorf("web UI: %w", err)
	}
	provider, err := config.NewConfigProviderWithRefresh(&config.Config{
		TemporalGRPCAddress: frontend,
		TLS:                 access,
		EnableUI:            true,
		DefaultNamespace:    o.Namespace,
		DisableNewsFetch:    true,
		DisableWriteActions: readOnly,
		HideLogs:            true,
		CORS:                config.CORS{CookieInsecure: true},
		Codec:               config.Codec{Endpoint: o.UICodec},
	})
	if err != nil {
		return nil, fmt.Errorf("web UI: %w", err)
	}
	const secureCookie = false // it is served over plain HTTP on a laptop
	e := echo.New()
	e.Use(
		middleware.Recover(),
		middleware.Gzip(),
		middleware.Secure(),
		csrf.EnsureTokenCookie(secureCookie),
		middleware.CSRFWithConfig(csrf.MiddlewareConfig(provider, secureCookie)),
	)
	forwarded := headers.WithForwardHeaders([]string{auth.AuthorizationExtrasHeader, "Caller-Type"})
	if err := route.SetAPIRoutes(e, provider, []api.Middleware{forwarded}); err != nil {
		return nil, fmt.Errorf("web UI: %w", err)
	}
	if err := route.SetUIRoutes(e, "", assets); err != nil {
		return nil, fmt.Errorf("web UI: %w", err)
	}
	route.SetRenderRoute(e, "")

	handler := http.StripPrefix(o.UIPublicPath, e)
	if readOnly {
		handler = http.StripPrefix(o.UIPublicPath, onlyReading(e))
	}
	mux := http.NewServeMux()
	mux.Handle(o.UIPublicPath+"/", handler)
	return mux, nil
}

// aQuery is the path of a query of a workflow, which is a POST and changes nothing.
var aQuery = regexp.MustCompile(`^/api/v1/namespaces/[^/]+/workflows/[^/]+/query/[^/]+$`)

// onlyReading refuses what could change something. The UI server's own check takes each POST for a query whose path
// contains "/query/", which the ID of a workflow may contain, too.
func onlyReading(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead ||
			r.Method == http.MethodPost && aQuery.MatchString(r.URL.EscapedPath())
		if !reads {
			http.Error(w, "operators only read here", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// publicAssets are the UI's files with an index page for the public path.
type publicAssets struct {
	fs.FS
	index []byte
}

// ReadFile is called by the UI server for its index page.
func (a publicAssets) ReadFile(name string) ([]byte, error) {
	if name == "index.html" {
		return a.index, nil
	}
	return fs.ReadFile(a.FS, name)
}

func uiAssets(publicPath string) (fs.FS, error) {
	all, err := ui.Assets()
	if err != nil {
		return nil, err
	}
	assets, err := fs.Sub(all, "local")
	if err != nil {
		return nil, err
	}
	index, err := fs.ReadFile(assets, "index.html")
	if err != nil {
		return nil, err
	}
	return publicAssets{assets, rebase(index, publicPath)}, nil
}

var (
	inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	scriptHash   = regexp.MustCompile(`'sha256-[^']*'`)
)

// rebase makes the index page work below the public path. The page's content security policy allows its one inline
// script by hash, so the hash changes too. The UI server would drop the policy instead, on pages that show data from
// strangers.
func rebase(index []byte, publicPath string) []byte {
	index = bytes.ReplaceAll(index, []byte(`base: ""`), []byte(`base: "`+publicPath+`"`))
	index = bytes.ReplaceAll(index, []byte(`"/_app/`), []byte(`"`+publicPath+`/_app/`))
	script := inlineScript.FindSubmatch(index)
	if script == nil {
		return index
	}
	sum := sha256.Sum256(script[1])
	return scriptHash.ReplaceAll(index, []byte("'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'"))
}
