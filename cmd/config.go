package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/everhook/everhook"
)

// configFlag is the flag of commands that also read their flags from a file.
type configFlag struct {
	Config kong.ConfigFlag `placeholder:"FILE" env:"EVERHOOK_CONFIG" help:"YAML file with the flags of a server, for example \"public-url: https://hooks.example.com\"."`
}

// config has the settings of a file as text, exactly as a flag would be written: "0123" stays "0123".
type config map[string]setting

type setting struct {
	line int
	text string
}

// readConfig reads the file of --config: YAML with the names of flags as keys ("public-url: https://…"). Flags and
// environment variables take precedence.
func readConfig(r io.Reader) (kong.Resolver, error) {
	nodes := map[string]yaml.Node{}
	if err := yaml.NewDecoder(r).Decode(&nodes); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the configuration file: %w", err)
	}
	settings := config{}
	for name, node := range nodes {
		text, err := settingText(name, &node)
		if err != nil {
			return nil, err
		}
		settings[name] = setting{node.Line, text}
	}
	return settings, nil
}

// mappings are the flags whose value is a mapping.
var mappings = []string{"secrets"}

// settingText returns a value in the form of a flag: a list becomes comma-separated text, and a mapping stays YAML.
func settingText(name string, node *yaml.Node) (string, error) {
	if node.Kind == yaml.MappingNode && slices.Contains(mappings, name) {
		text, err := yaml.Marshal(node)
		return string(text), err
	}
	parts := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		parts = node.Content
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		if part.Kind != yaml.ScalarNode {
			return "", fmt.Errorf("line %d of the configuration file has no value that a flag can take; write text, "+
				"a number, true, false or a list of these", part.Line)
		}
		texts[i] = part.Value
	}
	return strings.Join(texts, ","), nil
}

// Validate refuses names that are not flags of a server, so that typing errors are found.
func (c config) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Leaves(true) {
		if command.Name == "dev" || command.Name == "serve" {
			for _, flag := range command.Flags {
				known[flag.Name] = true
			}
		}
	}
	for _, name := range everhook.SortedKeys(c) {
		if !known[name] || name == "config" {
			return fmt.Errorf("line %d of the configuration file sets %q, which is no flag of a server; see "+
				"`everhook serve --help`", c[name].line, name)
		}
	}
	return nil
}

// Resolve returns the value of a flag that is set neither on the command line nor by a variable.
func (c config) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := c[flag.Name]
	if !ok || slices.ContainsFunc(flag.Envs, func(name string) bool { _, set := os.LookupEnv(name); return set }) {
		return nil, nil
	}
	return value.text, nil
}
