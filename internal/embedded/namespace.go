//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/serialization"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// prepareNamespace creates the namespace, or updates its retention and search attributes. It returns the columns of the
// visibility store that the search attributes use. It writes to the database before the server starts: a change through
// the server's own API takes effect only after every cache of namespaces has been refreshed.
func prepareNamespace(ctx context.Context, cfg *config.SQL, o Options) (columns []string, err error) {
	db, err := persistencesql.NewSQLDB(sqlplugin.DbKindMain, cfg, resolver.NewNoopResolver(), log.NewNoopLogger(),
		metrics.NoopMetricsHandler)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()

	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &o.Namespace})
	if errors.Is(err, sql.ErrNoRows) {
		return createNamespace(cfg, o)
	}
	if err != nil {
		return nil, fmt.Errorf("namespace %q: %w", o.Namespace, err)
	}
	if columns, err = updateNamespace(ctx, db, &rows[0], o); err != nil {
		return nil, fmt.Errorf("namespace %q: %w", o.Namespace, err)
	}
	return columns, nil
}

func createNamespace(cfg *config.SQL, o Options) (columns []string, err error) {
	namespace, err := sqlite.NewNamespaceConfig(clusterName, o.Namespace, false, nil)
	if err != nil {
		return nil, err
	}
	if err := configure(namespace.Detail.Config, o); err != nil {
		return nil, err
	}
	return columnsInUse(namespace.Detail.Config), sqlite.CreateNamespaces(cfg, namespace)
}

func columnsInUse(c *persistencespb.NamespaceConfig) []string {
	return slices.Sorted(maps.Keys(c.CustomSearchAttributeAliases))
}

func updateNamespace(ctx context.Context, db sqlplugin.DB, row *sqlplugin.NamespaceRow,
	o Options) (columns []string, err error) {
	serializer := serialization.NewSerializer()
	detail, err := serializer.NamespaceDetailFromBlob(persistence.NewDataBlob(row.Data, row.DataEncoding))
	if err != nil {
		return nil, err
	}
	before := proto.Clone(detail)
	if err := configure(detail.Config, o); err != nil {
		return nil, err
	}
	if proto.Equal(before, detail) {
		return columnsInUse(detail.Config), nil
	}
	detail.ConfigVersion++
	blob, err := serializer.NamespaceDetailToBlob(detail)
	if err != nil {
		return nil, err
	}
	row.Data, row.DataEncoding = blob.Data, blob.EncodingType.String()
	if _, err := db.UpdateNamespace(ctx, row); err != nil {
		return nil, err
	}
	return columnsInUse(detail.Config), nil
}

// configure sets the retention, and assigns a column of the visibility store to every search attribute that has none
// yet.
func configure(c *persistencespb.NamespaceConfig, o Options) error {
	if c.Retention.AsDuration() != o.Retention {
		c.Retention = durationpb.New(o.Retention)
	}
	columns := sadefs.GetDBIndexSearchAttributes(nil).CustomSearchAttributes
	taken := make(map[string]string, len(c.CustomSearchAttributeAliases))
	for column, name := range c.CustomSearchAttributeAliases {
		taken[name] = column
	}
	for _, name := range slices.Sorted(maps.Keys(o.SearchAttributes)) {
		want := o.SearchAttributes[name]
		if column, ok := taken[name]; ok {
			if columns[column] != want {
				return fmt.Errorf("search attribute %q of namespace %q is of type %v and can't become %v: choose "+
					"another name",
					name, o.Namespace, columns[column], want)
			}
			continue
		}
		column, err := freeColumn(columns, c.CustomSearchAttributeAliases, want)
		if err != nil {
			return fmt.Errorf("search attribute %q: %w", name, err)
		}
		if c.CustomSearchAttributeAliases == nil {
			c.CustomSearchAttributeAliases = make(map[string]string)
		}
		c.CustomSearchAttributeAliases[column] = name
	}
	return nil
}

// freeColumn is the first column of the type that no search attribute uses.
func freeColumn(columns map[string]enumspb.IndexedValueType, used map[string]string,
	want enumspb.IndexedValueType) (string, error) {
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if _, ok := used[column]; !ok && columns[column] == want {
			return column, nil
		}
	}
	return "", fmt.Errorf("the namespace has no room for another one of type %v", want)
}
