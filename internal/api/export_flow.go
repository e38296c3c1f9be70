package api

import (
	"context"
	"net/http"

	"go.yaml.in/yaml/v3"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

type exportFlowInput struct {
	NamedFlow
	Version int `query:"version" minimum:"1" doc:"The number of the version. Default: the enabled one, or else the latest."`
}

type exportFlowOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

const yamlMedia = "application/yaml"

func exportFlow(s *service) {
	add(s, operation{id: "export-flow", method: http.MethodGet, path: "/api/v1/flows/{key}/export", tag: tagFlows,
		role: access.Viewer, summary: "Give the text of a flow", media: yamlMedia,
		description: "The text is as it was written, with its comments. Of versions of old releases, whose text is " +
			"not known, it is made from the content."},
		func(ctx context.Context, in *exportFlowInput) (*exportFlowOutput, error) {
			flow, err := s.stored(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			number := in.Version
			if number == 0 {
				number = flow.Shown()
			}
			text, err := s.textOf(ctx, in.Key, number)
			if err != nil {
				return nil, err
			}
			return &exportFlowOutput{yamlMedia, []byte(text)}, nil
		})
}

// textOf is the text of a version as it was written, or else as it would be.
func (s *service) textOf(ctx context.Context, key string, number int) (string, error) {
	text, err := s.Store.Text(ctx, key, number)
	if err != nil || text != "" {
		return text, err
	}
	version, err := s.Store.Version(ctx, key, number)
	if err != nil {
		return "", err
	}
	// JSON is YAML: it keeps the order of the fields, which a mapping has not.
	data, err := everhook.EncodeJSON(version.Definition)
	if err != nil {
		return "", err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return "", err
	}
	plain(&document)
	written, err := yaml.Marshal(&document)
	return string(written), err
}

// plain lets the encoder choose the style of each value in place of that of JSON.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		plain(child)
	}
}
