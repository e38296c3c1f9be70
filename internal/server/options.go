// Package server assembles one process: Temporal, the store, the worker, the receiver and the admin address.
package server

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/clients"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/store"
)

// Options are the settings of a server. The command line makes a flag of each field, by its tags.
type Options struct {
	Listen    string `placeholder:"ADDRESS" help:"Address for webhooks. Default :13000, for dev 127.0.0.1:13000."`
	Admin     string `default:"127.0.0.1:13001" placeholder:"ADDRESS" help:"Address for the admin API, pages and the Temporal UI. Default 127.0.0.1:13001."`
	Metrics   string `placeholder:"ADDRESS" help:"Address for metrics and probes alone, for processes without the admin address."`
	PublicURL string `name:"public-url" placeholder:"URL" help:"Base of every URL that is printed or sent, as third parties see it."`
	Data      string `default:"./everhook-data" placeholder:"DIR" help:"Data directory. Default ./everhook-data."`
	Store     string `placeholder:"URL" help:"PostgreSQL database for flows and all else that is kept, postgres://USER@HOST/DATABASE, shared by many processes. Default: a SQLite file in the data directory."`

	TrustedProxies []everhook.CIDR `placeholder:"CIDR" help:"Addresses of proxies in front of the webhooks that write X-Forwarded-For or Forwarded themselves, which then tell who calls (for allow in a trigger); repeatable."`

	EgressAllow    []string      `placeholder:"CIDR|HOST[:PORT]" help:"Addresses that flows may call although they are private; repeatable."`
	EgressProxy    string        `placeholder:"URL" help:"Proxy for the calls of flows."`
	SecretsDir     string        `placeholder:"DIR" help:"Directory with one file for each secret."`
	SecretsKey     string        `placeholder:"KEYS" help:"Keys of the secrets in the store, the current one first; better set as EVERHOOK_SECRETS_KEY. See everhook secret."`
	SecretsKeyFile string        `placeholder:"FILE" help:"File with these keys, one a line."`
	Secrets        secrets.Rules `placeholder:"RULES" help:"Which flows may use a secret, and to which hosts it may be sent: '{API_TOKEN: {flows: [orders], hosts: [api.example.com]}}'. Without a rule, every flow may use it."`
	AdminToken     string        `placeholder:"TOKEN" help:"Token of the first admin, at least 16 characters."`
	AdminURL       string        `name:"admin-url" placeholder:"URL" help:"Address of the pages for people, as their browsers see it: for links, passkeys and OIDC."`
	HideValues     bool          `help:"Hide values of runs from people and tokens with the role viewer."`

	TLSCert string `name:"tls-cert" placeholder:"FILE" help:"Certificates for https, for webhooks and the admin address; read again when the file changes."`
	TLSKey  string `name:"tls-key" placeholder:"FILE" help:"Key of --tls-cert."`

	OIDCIssuer       string   `name:"oidc-issuer" placeholder:"URL" help:"OIDC provider by which people sign in; needs --admin-url and --oidc-role."`
	OIDCClientID     string   `name:"oidc-client-id" placeholder:"ID" help:"What the OIDC provider knows this server by."`
	OIDCClientSecret string   `name:"oidc-client-secret" placeholder:"SECRET" help:"Secret for the OIDC provider; better set as EVERHOOK_OIDC_CLIENT_SECRET. None for a public client."`
	OIDCScopes       []string `name:"oidc-scopes" placeholder:"SCOPE" help:"Scopes to request besides openid, profile and email."`
	OIDCClaim        string   `name:"oidc-claim" default:"groups" placeholder:"CLAIM" help:"Claim with the groups of a person; a dot leads into an object. Default groups."`
	OIDCRole         []string `name:"oidc-role" placeholder:"GROUP=ROLE[@LABEL+…]" help:"Role of the people with a value of the claim, * for all: viewer, operator, editor or admin, for flows with a label or for all; repeatable."`

	MaxHeld        int           `default:"1000" placeholder:"N" help:"Callers of sync flows that are held at once. Default 1000."`
	MaxValues      int           `default:"100000" placeholder:"N" help:"Values in a delivery, and in an answer to an http-request; lists and mappings count, and all that is in them. Default 100000."`
	MaxBodyBytes   everhook.Size `default:"64MiB" placeholder:"SIZE" help:"Bytes of all bodies that are received at once, by their declared lengths; at least 16MiB. Default 64MiB."`
	ClientRate     float64       `default:"1000" placeholder:"N" help:"Requests a second that one client address (one /64 of IPv6) may send to webhooks. Default 1000."`
	MaxInFlight    int           `default:"20" placeholder:"N" help:"Effects and called runs that one run waits for at the same time, at most 1000. Default 20."`
	MaxEffects     int           `default:"500" placeholder:"N" help:"Effects that one process has under way at the same time; one flow has at most four fifths of them. Default 500."`
	MaxDescendants int           `default:"100000" placeholder:"N" help:"Runs of other flows that one run may start, directly and through the flows that it calls. Default 100000."`
	MemoryLimit    everhook.Size `placeholder:"SIZE" help:"Memory that the process aims to stay below: it bounds the waiting runs that are kept in memory. Default GOMEMLIMIT, else nine tenths of the container's limit, else half of the machine's memory."`

	MaxConnections    int `placeholder:"N" help:"Connections to webhooks that are open at once. Default: half of the files that the process may open, at most 4096 or four times --max-held."`
	ClientConnections int `placeholder:"N" help:"Connections to webhooks that one client address (one /64 of IPv6) may have. Default: half of --max-connections."`

	InboxMaxRows  int           `default:"1000000" placeholder:"N" help:"Deliveries to async flows that wait to be started at once, while Temporal is busy or away; more get 503. Default 1000000."`
	InboxMaxBytes everhook.Size `default:"2GiB" placeholder:"SIZE" help:"Bytes of these deliveries. Default 2GiB."`

	DeliveryRetention everhook.Duration `default:"30d" placeholder:"DURATION" help:"How long deliveries are kept on record, at least 1m. Default 30d."`
	DeliveryMaxBytes  everhook.Size     `default:"2GiB" placeholder:"SIZE" help:"What the records of deliveries take on disk, about; the oldest go first. At least 1MiB. Default 2GiB."`

	OnFailure      string            `name:"on-failure" placeholder:"FLOW" help:"Flow with a call trigger that is called for every run that does not resolve."`
	Retention      everhook.Duration `default:"7d" placeholder:"DURATION" help:"How long the embedded Temporal server keeps ended runs. Default 7d."`
	AuditRetention everhook.Duration `default:"395d" placeholder:"DURATION" help:"How long the audit trail is kept, at least 1d. Default 395d."`
	Synchronous    string            `enum:"full,normal" default:"full" help:"How the embedded server writes: full survives a power cut, normal is faster and survives a killed process."`

	PayloadStore     string        `enum:"auto,directory,store,none" default:"auto" help:"Where values are kept that are too large for Temporal's histories: directory, store or none. Default auto: a directory with the embedded Temporal server or --payload-dir, else the store if it is PostgreSQL, else none."`
	PayloadDir       string        `placeholder:"DIR" help:"Directory of large values. Default payloads in the data directory; with --temporal-address, one that every process shares."`
	PayloadThreshold everhook.Size `default:"256KiB" placeholder:"SIZE" help:"From which size, compressed, a value counts as large. Default 256KiB."`

	TemporalAddress    string `placeholder:"HOST:PORT" help:"Use this Temporal server instead of the embedded one."`
	TemporalNamespace  string `default:"default" placeholder:"NAME" help:"Temporal namespace. Default default."`
	TemporalAPIKey     string `name:"temporal-api-key" placeholder:"KEY" help:"API key for Temporal; implies TLS."`
	TemporalTLS        bool   `name:"temporal-tls" help:"Use TLS to Temporal."`
	TemporalTLSCA      string `name:"temporal-tls-ca" placeholder:"FILE" help:"CA certificates of the Temporal server."`
	TemporalTLSCert    string `name:"temporal-tls-cert" placeholder:"FILE" help:"Client certificate for Temporal."`
	TemporalTLSKey     string `name:"temporal-tls-key" placeholder:"FILE" help:"Key of the client certificate."`
	TemporalServerName string `placeholder:"NAME" help:"Name in the certificate of the Temporal server."`
	TemporalUI         string `name:"temporal-ui" placeholder:"URL" help:"Address of the UI of that Temporal server, for links."`

	LogFormat string `enum:"text,json" default:"text" help:"Format of the log: text or json."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: debug, info, warn or error."`
}

const (
	// defaultInFlight is that of --max-in-flight.
	defaultInFlight = 20
	// minRetention is Temporal's lowest retention.
	minRetention = time.Hour
	// defaultAuditRetention is 13 months.
	defaultAuditRetention = everhook.Duration(395 * 24 * time.Hour)
	minAuditRetention     = 24 * time.Hour
	// minToken is the least length of the admin token, in characters.
	minToken = 16
)

func (o *Options) check() error {
	if o.Listen == "" {
		o.Listen = ":13000"
	}
	if o.OnFailure != "" && !everhook.IsFlowKey(o.OnFailure) {
		return fmt.Errorf("--on-failure %q is not a flow key; use a-z, 0-9 and -", o.OnFailure)
	}
	if o.PublicURL != "" {
		parsed, err := url.Parse(o.PublicURL)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" ||
			parsed.RawQuery != "" || parsed.Fragment != "" {
			return fmt.Errorf("--public-url %q cannot be the base of URLs; write for example https://hooks.example.com",
				o.PublicURL)
		}
		o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	}
	if o.Retention.Std() < minRetention {
		return fmt.Errorf("--retention %s is too short; write at least 1h", o.Retention)
	}
	if o.AuditRetention = cmp.Or(o.AuditRetention, defaultAuditRetention); o.AuditRetention.Std() < minAuditRetention {
		return fmt.Errorf("--audit-retention %s is too short; write at least 1d", o.AuditRetention)
	}
	if o.MaxInFlight < 0 || o.MaxInFlight > 1000 {
		return fmt.Errorf("--max-in-flight %d is not between 1 and 1000", o.MaxInFlight)
	}
	if o.MaxEffects < 0 || o.MaxEffects > 100_000 {
		return fmt.Errorf("--max-effects %d is not between 1 and 100000", o.MaxEffects)
	}
	if o.MaxDescendants < 0 {
		return fmt.Errorf("--max-descendants %d is negative; write how many runs one run may start", o.MaxDescendants)
	}
	if err := o.checkStore(); err != nil {
		return err
	}
	if err := o.checkPayloads(); err != nil {
		return err
	}
	if err := o.checkBounds(); err != nil {
		return err
	}
	o.AdminToken = strings.TrimSpace(o.AdminToken)
	if n := utf8.RuneCountInString(o.AdminToken); n > 0 && n < minToken {
		return fmt.Errorf("--admin-token has %d characters; write at least %d, for example the output of `openssl "+
			"rand -hex 32`", n, minToken)
	}
	return o.checkAccess()
}

// checkStore checks --store. Its error does not repeat the URL, which may have a password.
func (o *Options) checkStore() error {
	if o.Store == "" || store.IsPostgres(o.Store) {
		return nil
	}
	return errors.New("--store is not the URL of a PostgreSQL database; write postgres://USER@HOST:5432/DATABASE, or " +
		"leave it out for SQLite in the data directory")
}

// storePlace is where the store is: a URL or a file.
func (o *Options) storePlace() string {
	return cmp.Or(o.Store, filepath.Join(o.Data, "everhook.db"))
}

// minBodyBytes is the least --max-body-bytes: one body of 10 MiB must fit beside small ones.
const minBodyBytes = 16 << 20

// Least bounds of the delivery log.
const (
	minDeliveryRetention = time.Minute
	minDeliveryBytes     = 1 << 20
)

// checkBounds checks the bounds of what callers may use. Zero stands for a default.
func (o *Options) checkBounds() error {
	switch {
	case o.MaxValues < 0:
		return fmt.Errorf("--max-values %d is no bound; write for example 100000", o.MaxValues)
	case o.MaxBodyBytes != 0 && o.MaxBodyBytes < minBodyBytes:
		return fmt.Errorf("--max-body-bytes %s is too little; write at least 16MiB", o.MaxBodyBytes)
	case o.MaxConnections < 0 || o.ClientConnections < 0:
		return fmt.Errorf("--max-connections and --client-connections are at least 1")
	case o.InboxMaxRows < 0 || o.InboxMaxBytes < 0:
		return errors.New("--inbox-max-rows and --inbox-max-bytes are at least 1")
	case o.DeliveryRetention != 0 && o.DeliveryRetention.Std() < minDeliveryRetention:
		return fmt.Errorf("--delivery-retention %s is too short; write at least 1m", o.DeliveryRetention)
	case o.DeliveryMaxBytes != 0 && o.DeliveryMaxBytes < minDeliveryBytes:
		return fmt.Errorf("--delivery-max-bytes %s is too little; write at least 1MiB", o.DeliveryMaxBytes)
	case o.ClientRate < 0:
		return fmt.Errorf("--client-rate %v is no rate; write for example 1000", o.ClientRate)
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// NewLogger returns the log with the configured format and level.
func (o *Options) NewLogger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.LogLevel))
	options := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// temporalTLS returns the TLS configuration for Temporal, or nil without TLS.
func (o *Options) temporalTLS() (*tls.Config, error) {
	if !o.TemporalTLS && o.TemporalTLSCA == "" && o.TemporalTLSCert == "" && o.TemporalAPIKey == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.TemporalServerName}
	if o.TemporalTLSCA != "" {
		data, err := os.ReadFile(o.TemporalTLSCA)
		if err != nil {
			return nil, fmt.Errorf("--temporal-tls-ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("--temporal-tls-ca: %s holds no PEM certificate", o.TemporalTLSCA)
		}
	}
	if (o.TemporalTLSCert == "") != (o.TemporalTLSKey == "") {
		return nil, fmt.Errorf("--temporal-tls-cert and --temporal-tls-key belong together")
	}
	if o.TemporalTLSCert != "" {
		pair, err := tls.LoadX509KeyPair(o.TemporalTLSCert, o.TemporalTLSKey)
		if err != nil {
			return nil, fmt.Errorf("--temporal-tls-cert: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// CheckAddress says how to correct an address without a port, or without a colon.
func CheckAddress(flag, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil && port != "" {
		return nil
	}
	if _, err := strconv.ParseUint(address, 10, 16); err == nil {
		return fmt.Errorf("--%s %s lacks a colon; write --%s :%s, or 127.0.0.1:%s for this machine alone", flag,
			address, flag, address, address)
	}
	return fmt.Errorf("--%s %q is not an address; write HOST:PORT or :PORT, for example 127.0.0.1:13000", flag, address)
}

// listen opens an address. Its error says what to do if the address is in use.
func listen(flag, address string) (net.Listener, error) {
	if err := CheckAddress(flag, address); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; is another Everhook running? choose another address with --%s",
			address, err, flag)
	}
	return l, nil
}

// localURL returns the URL of a listener for this machine.
func localURL(l net.Listener) string {
	address := l.Addr().(*net.TCPAddr)
	host := "127.0.0.1"
	if !address.IP.IsUnspecified() {
		host = address.IP.String()
	}
	scheme := "http"
	if _, ok := l.(secured); ok {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, fmt.Sprint(address.Port))
}

// listenLimited opens an address for operators. It has an eighth of the files that the process may open, and one client
// half of that.
func listenLimited(flag, address string) (net.Listener, error) {
	l, err := listen(flag, address)
	if err != nil {
		return nil, err
	}
	total := max(16, min(clients.OpenFiles()/8, 512))
	return clients.Limit(l, clients.Limits{Total: total, PerClient: total / 2}), nil
}
