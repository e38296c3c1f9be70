package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// readConfig reads the file of --config: YAML with the names of flags as keys ("public-url: https://…"). Flags and variables go before it.
func readConfig(r io.Reader) (kong.Resolver, error) {
	settings := map[string]any{}
	if err := yaml.NewDecoder(r).Decode(&settings); err != nil && err != io.EOF {
		return nil, fmt.Errorf("the configuration file: %w", err)
	}
	return config(settings), nil
}

type config map[string]any

// Validate refuses names that are no flag: a typing error must not pass for a setting.
func (c config) Validate(app *kong.Application) error {
	known := map[string]bool{}
	kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	for name := range c {
		if !known[name] {
			return fmt.Errorf("the configuration file sets %q, which is no flag; see `everhook serve --help`", name)
		}
	}
	return nil
}

// Resolve gives the value of a flag; lists become comma-separated text.
func (c config) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	switch v := c[flag.Name].(type) {
	case nil:
		return nil, nil
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			parts[i] = fmt.Sprint(part)
		}
		return strings.Join(parts, ","), nil
	default:
		return fmt.Sprint(v), nil
	}
}
