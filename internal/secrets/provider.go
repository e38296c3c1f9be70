// Package secrets gives secrets by name, from variables or mounted files, and takes their values out of what leaves an
// activity.
package secrets

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
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
	// MaxSize is how many bytes a secret may have.
	MaxSize = 64 << 10
	// refresh is how old the list of known values may be: a file that nobody looked up is redacted at the latest after
	// this long.
	refresh = time.Second
)

var (
	secretName  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,127}$`)
	settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// ValidName reports whether name can be a secret's: [A-Z][A-Z0-9_]*, at most 128 characters.
func ValidName(name string) bool { return secretName.MatchString(name) }

// Provider looks secrets up. It is safe for concurrent use.
type Provider struct {
	dir       string
	variables map[string]string
	settings  map[string]string

	mu       sync.Mutex
	known    map[string]map[string]bool // name to values, also those that a file had before
	redactor *Redactor
	read     time.Time
}

// Options say where secrets are.
type Options struct {
	// Dir holds one file for each secret, named as it is, as Kubernetes and Docker mount them. Empty: none. A file goes
	// before a variable of the same name, and is read at each look-up, so that a changed one counts at once.
	Dir string
	// Environ are variables as os.Environ gives them; where a name stands twice the last counts.
	Environ []string
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
	p := &Provider{dir: o.Dir, variables: map[string]string{}, settings: map[string]string{},
		known: map[string]map[string]bool{}}
	for _, variable := range o.Environ {
		key, value, _ := strings.Cut(variable, "=")
		if name, ok := strings.CutPrefix(key, SecretPrefix); ok && ValidName(name) {
			p.variables[name] = value
		}
		if name, ok := strings.CutPrefix(key, EnvPrefix); ok && settingName.MatchString(name) &&
			utf8.ValidString(value) {
			p.settings[name] = value
		}
	}
	return p, nil
}

// Env gives the plain settings: NAME to the value of EVERHOOK_ENV_NAME.
func (p *Provider) Env() map[string]string { return maps.Clone(p.settings) }

// Lookup gives the value of a secret: one line ending at the end of a file is not part of it. A secret that is not set,
// empty, larger than MaxSize or not UTF-8 is an error that names it and says what to do; it never carries the value.
func (p *Provider) Lookup(name string) (string, error) {
	if !ValidName(name) {
		return "", fmt.Errorf("%q is not a name of a secret; write capitals, digits and underscores, for example "+
			"API_TOKEN", name)
	}
	value, err := p.value(name)
	if err != nil {
		return "", err
	}
	switch {
	case value == "":
		return "", fmt.Errorf("the secret %s is not set or empty; %s", name, p.howToSet(name))
	case len(value) > MaxSize:
		return "", fmt.Errorf("the secret %s is larger than %d bytes", name, MaxSize)
	case !utf8.ValidString(value):
		return "", fmt.Errorf("the secret %s is not text (UTF-8); store it as base64", name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learn(name, value)
	return value, nil
}

func (p *Provider) howToSet(name string) string {
	how := "set the variable " + SecretPrefix + name
	if p.dir != "" {
		how += " or write the file " + name + " in the directory of secrets"
	}
	return how
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
	return p.variables[name], nil
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
		MaxSize+3)) // the limit, a line ending, and one byte that tells of more
	if err != nil {
		return "", err
	}
	value := strings.TrimSuffix(string(data), "\n")
	return strings.TrimSuffix(value, "\r"), nil
}

// Redactor takes out every secret that this provider has, and every value that it has given since it was made.
func (p *Provider) Redactor() *Redactor {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.redactor == nil || p.dir != "" && time.Since(p.read) > refresh {
		p.learnAll()
	}
	if p.redactor == nil {
		values := make([]named, 0, len(p.known))
		for name, texts := range p.known {
			for text := range texts {
				values = append(values, named{name, text})
			}
		}
		p.redactor = newRedactor(values)
	}
	return p.redactor
}

func (p *Provider) learnAll() {
	p.read = time.Now()
	for name, value := range p.variables {
		p.learn(name, value)
	}
	if p.dir == "" {
		return
	}
	entries, _ := os.ReadDir(p.dir) // a directory that is away for a moment has taught its values before
	for _, entry := range entries {
		if name := entry.Name(); ValidName(name) {
			if value, err := readSecret(filepath.Join(p.dir, name)); err == nil {
				p.learn(name, value)
			}
		}
	}
}

func (p *Provider) learn(name, value string) {
	if p.known[name][value] {
		return
	}
	if p.known[name] == nil {
		p.known[name] = map[string]bool{}
	}
	p.known[name][value] = true
	p.redactor = nil
}
