package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/internal/signature"
)

// KindList are the kinds that flows can use, with their forms.
type KindList struct {
	schema.Catalogue
	// Presets are the providers whose signatures are known.
	Presets []ProviderPreset `json:"presets"`
}

// ProviderPreset is a provider whose signatures are known.
type ProviderPreset struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// TakesSecrets is set if a flow names a secret for it.
	TakesSecrets bool `json:"takesSecrets"`
	// Dedupe is set if its deliveries have an ID that tells duplicates.
	Dedupe bool `json:"dedupe"`
	// Setup are the steps in the provider's settings, in Markdown.
	Setup []string `json:"setup,omitempty"`
}

func listKinds(s *service) {
	add(s, operation{id: "list-kinds", method: http.MethodGet, path: "/api/v1/kinds", tag: tagFlows,
		role: access.Viewer, summary: "List the kinds of steps and triggers, with their fields"},
		func(context.Context, *struct{}) (*reply[KindList], error) {
			list := KindList{Catalogue: schema.NewCatalogue(s.Registry), Presets: []ProviderPreset{}}
			for _, preset := range signature.Presets() {
				list.Presets = append(list.Presets, ProviderPreset{Name: preset.Name, Title: preset.Title,
					TakesSecrets: preset.TakesSecrets(), Setup: preset.Setup,
					Dedupe: preset.DedupeHeader != "" || preset.DedupeBody != nil})
			}
			return answer(list), nil
		})
}
