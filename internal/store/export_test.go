package store

import "context"

// ChangeFlows runs a change within the transaction of one.
func (s *Store) ChangeFlows(ctx context.Context, change func() error) error {
	return s.changeFlows(ctx, func(*transaction) (bool, error) { return true, change() })
}
