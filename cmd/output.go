package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/everhook/everhook"
)

// printed is the flag of commands that print an answer of a server.
type printed struct {
	Output string `enum:"text,json,yaml" default:"text" help:"How to print: text, or for programs json or yaml."`
}

// forPrograms reports whether an answer is printed as it is, not as text for people.
func (p printed) forPrograms() bool { return p.Output != "text" }

// print prints an answer for programs.
func (p printed) print(w io.Writer, data json.RawMessage) error {
	data = bytes.TrimSpace(data)
	if p.Output == "yaml" {
		text, err := toYAML(data)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	_, err := fmt.Fprintf(w, "%s\n", data)
	return err
}

// printValue prints an answer that was put together, for programs.
func (p printed) printValue(w io.Writer, value any) error {
	data, err := everhook.EncodeJSON(value)
	if err != nil {
		return err
	}
	return p.print(w, data)
}

// show prints an answer as it came, or as text.
func show[T any](f *serverFlags, p printed, w io.Writer, data json.RawMessage, text func(T) error) error {
	if p.forPrograms() {
		return p.print(w, data)
	}
	var answer T
	if err := f.decode(data, &answer); err != nil {
		return err
	}
	return text(answer)
}

// toYAML writes JSON as YAML, with members in their order.
func toYAML(data json.RawMessage) ([]byte, error) {
	tokens := json.NewDecoder(bytes.NewReader(data))
	tokens.UseNumber()
	node, err := yamlOf(tokens)
	if err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, err
	}
	return text.Bytes(), encoder.Close()
}

// yamlOf reads the next value.
func yamlOf(tokens *json.Decoder) (*yaml.Node, error) {
	token, err := tokens.Token()
	if err != nil {
		return nil, err
	}
	scalar := func(tag, text string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
	}
	switch token := token.(type) {
	case json.Delim:
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if token == '[' {
			node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		}
		for tokens.More() {
			part, err := yamlOf(tokens) // the name of a member is a value, too
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, part)
		}
		_, err := tokens.Token()
		return node, err
	case string:
		return scalar("!!str", token), nil
	case json.Number:
		if _, err := strconv.ParseInt(token.String(), 10, 64); err == nil {
			return scalar("!!int", token.String()), nil
		}
		return scalar("!!float", token.String()), nil
	case bool:
		return scalar("!!bool", strconv.FormatBool(token)), nil
	default:
		return scalar("!!null", "null"), nil
	}
}
