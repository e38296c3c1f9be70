package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
)

// ErasedDeliveries are the deliveries of a page that match.
type ErasedDeliveries struct {
	Deliveries []Delivery `json:"deliveries" doc:"The deliveries that match; they are on record no longer."`
	Examined   int        `json:"examined" doc:"How many requests were examined."`
	Next       string     `json:"next,omitempty" doc:"The page of the next request; empty: all were examined."`
}

func eraseDeliveries(s *service) {
	add(s, operation{id: "erase-deliveries", method: http.MethodPost, path: "/api/v1/deliveries/erase",
		tag: tagDeliveries, role: access.Admin, everywhere: true, summary: "Delete the deliveries with a value",
		description: "Finds deliveries on record by a value of their request, or of trigger.index, and deletes their " +
			"records. Their runs stay, see erase-runs. One request examines 500 deliveries: ask again with the next " +
			"page.",
		timeout: actTimeout},
		func(ctx context.Context, in *eraseRunsInput) (*reply[ErasedDeliveries], error) {
			path, err := everhook.ParsePath(in.Body.Path)
			if err != nil {
				return nil, wrongf("/body/path", "%v", err)
			}
			cursor := cursorOf("erase deliveries", in.Body.Path, in.Body.Value)
			after, err := Paging{Page: in.Body.Page}.after(cursor)
			if err != nil {
				return nil, err
			}
			erased, err := s.Deliveries.Erase(ctx, runs.Match{Path: path, Value: in.Body.Value}, in.Body.Dry, after)
			if err != nil {
				return nil, err
			}
			found := ErasedDeliveries{Deliveries: []Delivery{}, Examined: erased.Examined,
				Next: cursor.page(erased.Next)}
			for i := range erased.Found {
				found.Deliveries = append(found.Deliveries, DeliveryOf(&erased.Found[i]))
			}
			return answer(found), nil
		})
}
