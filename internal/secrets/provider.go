// Package secrets looks secrets up by name, in variables or mounted files, and redacts their values in all results of
// activities.
package secrets

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// SecretPrefix begins the variable of a secret: EVERHOOK_SECRET_API_TOKEN is the secret API_TOKEN.
	SecretPrefix = "EVERHOOK_SECRET_"
	// EnvPrefix begins the variable of a plain setting that flows may read: EVERHOOK_ENV_REGION is env.REGION.
	EnvPrefix = "EVERHOOK_ENV_"
	// MaxSize is the largest secret, in bytes.
	MaxSize = 64 << 10
	// refresh is the greatest age of the list of known values. A new file is redacted after this time, even before it
	// is looked up.
	refresh = time.Second
	// keepFor is how long a value is redacted after its last look-up: an attempt of an effect may take a day.
	keepFor = 24 * time.Hour
	// maxValues bounds the values of one name that are redacted; the latest ones are kept.
	maxValues = 64
)

var (
	secretName  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,127}$`)
	settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// ValidName reports whether name can be a secret's: [A-Z][A-Z0-9_]*, at most 128 characters.
func ValidName(name string) bool { return secretName.MatchString(name) }

// Provider looks secrets up. It is safe for concurrent use.
type Provider struct {
	// Rules restrict the use of secrets.
	Rules
	dir    string
	dotEnv *dotEnvFile
	// environ are the variables of the process.
	environ []string
	logger  *slog.Logger
	// stored returns the secrets in the store.
	stored func() map[string]string

	mu sync.Mutex
	// variables are secrets, settings plain settings, by name, from the .env file and the process.
	variables, settings map[string]string
	// known has the values of each name that were looked up, the latest last.
	known    map[string][]given
	redactor *Redactor
	read     time.Time
	warned   map[string]bool
}

// given is a value, and the time of its last look-up.
type given struct {
	value string
	at    time.Time
}

// Options configure a Provider.
type Options struct {
	// Dir has one file for each secret, with the secret's name, as Kubernetes and Docker mount them. Empty: none. A
	// file takes precedence over a variable of the same name. It is read at each look-up, so a change counts
	// immediately.
	Dir string
	// Environ are variables in the form of os.Environ. If a name is there twice, the last one counts.
	Environ []string
	// DotEnv is the path of a .env file, whose variables count where Environ has none of the name. The file need not
	// exist. It is read again when it changes. Empty: none.
	DotEnv string
	// Stored returns more secrets by name, which count where there is neither a file nor a variable. Nil: none.
	Stored func() map[string]string
	// Rules restrict the use of secrets. Nil: every flow may use all of them.
	Rules Rules
	// Logger takes a warning for each secret that is too short to be redacted well. Nil: no warnings.
	Logger *slog.Logger
}

// New makes a provider; a Dir that is not a directory is an error.
func New(o Options) (*Provider, error) {
	if o.Dir != "" {
		info, err := os.Stat(o.Dir)
		if err != nil {
			return nil, fmt.Errorf("the directory of secrets: %w", err)
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("the directory of secrets: %s is not a directory", o.Dir)
		}
	}
	p := &Provider{Rules: o.Rules, dir: o.Dir, environ: o.Environ, logger: o.Logger, stored: o.Stored,
		known:  map[string][]given{},
		warned: map[string]bool{}}
	if p.stored == nil {
		p.stored = func() map[string]string { return nil }
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	var variables []string
	if o.DotEnv != "" {
		p.dotEnv = &dotEnvFile{path: o.DotEnv}
		var err error
		if variables, _, err = p.dotEnv.read(); err != nil {
			return nil, err
		}
	}
	p.take(variables)
	return p, nil
}

// take sets the variables: those of the .env file, then those of the process.
func (p *Provider) take(dotEnv []string) {
	p.variables, p.settings = map[string]string{}, map[string]string{}
	for _, variable := range slices.Concat(dotEnv, p.environ) {
		key, value, _ := strings.Cut(variable, "=")
		if name, ok := strings.CutPrefix(key, SecretPrefix); ok && ValidName(name) {
			p.variables[name] = value
		}
		if name, ok := strings.CutPrefix(key, EnvPrefix); ok && settingName.MatchString(name) &&
			utf8.ValidString(value) {
			p.settings[name] = value
		}
	}
}

// follow reads the .env file again if it changed. A file that cannot be read changes nothing. The caller holds p.mu.
func (p *Provider) follow() {
	if p.dotEnv == nil {
		return
	}
	switch variables, changed, err := p.dotEnv.read(); {
	case err != nil:
		p.logger.Warn("the .env file cannot be read; its earlier variables stay", "error", err)
	case changed:
		p.take(variables)
		p.redactor = nil
		for name, value := range p.variables {
			p.learn(name, value)
		}
		p.logger.Info("the .env file is read again", "file", p.dotEnv.path)
	}
}

// Env gives the plain settings: NAME to the value of EVERHOOK_ENV_NAME.
func (p *Provider) Env() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.follow()
	return maps.Clone(p.settings)
}

// Lookup gives the value of a secret. One line ending at the end of a file is not part of it. A secret that is not set,
// empty, larger than MaxSize or not UTF-8 is an error that names it and says what to do, without its value.
func (p *Provider) Lookup(name string) (string, error) {
	if !ValidName(name) {
		return "", fmt.Errorf("%q is not a name of a secret; write capitals, digits and underscores, for example "+
			"API_TOKEN", name)
	}
	value, err := p.value(name)
	if err != nil {
		return "", err
	}
	if value == "" {
		return "", &UnsetError{Name: name, InDir: p.dir != ""}
	}
	if err := CheckValue(name, value); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learn(name, value)
	return value, nil
}

// CheckValue returns an error that says why a text cannot be the value of a secret, without the text.
func CheckValue(name, value string) error {
	switch {
	case value == "":
		return fmt.Errorf("the secret %s is empty", name)
	case len(value) > MaxSize:
		return fmt.Errorf("the secret %s is larger than %d bytes", name, MaxSize)
	case !utf8.ValidString(value):
		return fmt.Errorf("the secret %s is not text (UTF-8); secrets are used as they are written, so set one of "+
			"printable characters", name)
	}
	return nil
}

func (p *Provider) value(name string) (string, error) {
	if p.dir != "" {
		value, err := readSecret(filepath.Join(p.dir, name))
		if err == nil {
			return value, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("the secret %s: %w", name, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.follow()
	if value, ok := p.variables[name]; ok {
		return value, nil
	}
	return p.stored()[name], nil
}

// readSecret follows links: Kubernetes swaps one to change all files of a volume at once.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file,
		MaxSize+3)) // the limit, a line ending, and one byte that shows a larger file
	if err != nil {
		return "", err
	}
	value := strings.TrimSuffix(string(data), "\n")
	return strings.TrimSuffix(value, "\r"), nil
}

// Learn redacts a value as if it were the named secret: a token that was fetched with it, for example.
func (p *Provider) Learn(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learn(name, value)
}

// Redactor returns a redactor of all secrets of this provider. It also redacts the earlier values that were looked up
// within the last day, at most maxValues of each name.
func (p *Provider) Redactor() *Redactor {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.follow()
	if p.redactor == nil || (p.dir != "" || len(p.stored()) > 0) && time.Since(p.read) > refresh {
		p.learnAll()
	}
	if p.redactor == nil {
		var values []named
		for name, texts := range p.known {
			for _, text := range texts {
				values = append(values, named{name, text.value})
			}
		}
		p.redactor = newRedactor(values)
	}
	return p.redactor
}

// Names are the names of the secrets that are set, sorted.
func (p *Provider) Names() []string {
	p.follow()
	names := map[string]bool{}
	p.mu.Lock()
	for name := range p.variables {
		names[name] = true
	}
	p.mu.Unlock()
	for name := range p.stored() {
		names[name] = true
	}
	if p.dir != "" {
		entries, _ := os.ReadDir(p.dir) // a directory that is missing has no secrets
		for _, entry := range entries {
			names[entry.Name()] = ValidName(entry.Name())
		}
	}
	maps.DeleteFunc(names, func(_ string, isSecret bool) bool { return !isSecret })
	return slices.Sorted(maps.Keys(names))
}

func (p *Provider) learnAll() {
	p.read = time.Now()
	for name, value := range p.variables {
		p.learn(name, value)
	}
	for name, value := range p.stored() {
		p.learn(name, value)
	}
	if p.dir == "" {
		return
	}
	entries, _ := os.ReadDir(p.dir) // if the directory is missing, the known values stay
	for _, entry := range entries {
		if name := entry.Name(); ValidName(name) {
			if value, err := readSecret(filepath.Join(p.dir, name)); err == nil {
				p.learn(name, value)
			}
		}
	}
}

// learn records that a value is handed out.
func (p *Provider) learn(name, value string) {
	now, values := time.Now(), p.known[name]
	for i := range values {
		if values[i].value == value {
			p.known[name] = append(slices.Delete(values, i, i+1), given{value, now})
			return
		}
	}
	p.warn(name, value)
	values = slices.DeleteFunc(values, func(g given) bool { return now.Sub(g.at) > keepFor })
	if len(values) >= maxValues {
		values = slices.Delete(values, 0, len(values)-maxValues+1)
	}
	p.known[name] = append(values, given{value, now})
	p.redactor = nil
}

// warn warns once for each name whose value cannot be redacted in all forms.
func (p *Provider) warn(name, value string) {
	if value == "" || len(value) >= MinEncoded || p.warned[name] {
		return
	}
	p.warned[name] = true
	if len(value) < MinRedacted {
		p.logger.Warn("a secret is too short to be redacted; use at least 8 characters", "secret", name)
		return
	}
	p.logger.Warn("a secret is too short to be redacted where it is encoded; use at least 8 characters", "secret", name)
}
