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

// configFlag is in every command that takes its flags from a file too.
type configFlag struct {
	Config kong.ConfigFlag `placeholder:"FILE" env:"EVERHOOK_CONFIG" help:"YAML file with the flags of a server, for example \"public-url: https://hooks.example.com\"."`
}

// config has the settings of a file as text: what is written is what a flag would be given, "0123" too.
type config map[string]setting

type setting struct {
	line int
	text string
}

// readConfig reads the file of --config: YAML with the names of flags as keys ("public-url: https://…"). Flags and
// variables go before it.
func readConfig(r io.Reader) (kong.Resolver, error) {
	nodes := map[string]yaml.Node{}
	if err := yaml.NewDecoder(r).Decode(&nodes); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the configuration file: %w", err)
	}
	settings := config{}
	for name, node := range nodes {
		text, err := settingText(&node)
		if err != nil {
			return nil, err
		}
		settings[name] = setting{node.Line, text}
	}
	return settings, nil
}

// settingText gives a value as a flag takes it: a list becomes comma-separated text.
func settingText(node *yaml.Node) (string, error) {
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

// Validate refuses names that are no flag of a server: a typing error must not pass for a setting.
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

// Resolve gives the value of a flag whose variable is not set.
func (c config) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := c[flag.Name]
	if !ok || slices.ContainsFunc(flag.Envs, func(name string) bool { _, set := os.LookupEnv(name); return set }) {
		return nil, nil
	}
	return value.text, nil
}
