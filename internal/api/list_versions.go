package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// VersionInfo is a version without its content.
type VersionInfo struct {
	Number  int           `json:"number"`
	Hash    string        `json:"hash"`
	Title   string        `json:"title,omitempty"`
	Mode    everhook.Mode `json:"mode"`
	Source  string        `json:"source,omitempty"`
	Created time.Time     `json:"created"`
	// Author is the ID of the actor who applied it first; empty for versions of old releases.
	Author string `json:"author,omitempty"`
	Note   string `json:"note,omitempty"`
	// Enabled is set for the enabled version.
	Enabled bool `json:"enabled"`
}

// VersionList is a page of versions, the newest first.
type VersionList struct {
	Versions []VersionInfo `json:"versions"`
	// Next is the parameter "page" of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

type listVersionsInput struct {
	NamedFlow
	Paging
}

func listVersions(s *service) {
	add(s, operation{id: "list-versions", method: http.MethodGet, path: "/api/v1/flows/{key}/versions", tag: tagFlows,
		role: access.Viewer, summary: "List the versions of a flow"},
		func(ctx context.Context, in *listVersionsInput) (*reply[VersionList], error) {
			cursor := cursorOf("versions", in.Key)
			place, err := in.after(cursor)
			if err != nil {
				return nil, err
			}
			flow, err := s.stored(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			versions, err := s.Store.Versions(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			list := VersionList{Versions: []VersionInfo{}}
			below, err := strconv.Atoi(place)
			for _, v := range versions {
				if err == nil && v.Number >= below {
					continue
				}
				if len(list.Versions) == in.limit() {
					list.Next = cursor.page(strconv.Itoa(list.Versions[in.limit()-1].Number))
					break
				}
				list.Versions = append(list.Versions, versionInfo(v, flow))
			}
			return answer(list), nil
		})
}

func versionInfo(v store.VersionInfo, flow store.Flow) VersionInfo {
	return VersionInfo{Number: v.Number, Hash: v.Hash, Title: v.Title, Mode: v.Mode, Source: v.Source,
		Created: v.CreatedAt, Author: v.Author, Note: v.Note, Enabled: v.Number == flow.Enabled}
}
