//go:build !noembedded

package embedded

import (
	"crypto/rand"
	"errors"
	"maps"
	"net"
	"strconv"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

// The names of the two stores in the server's configuration.
const (
	historyStore    = "history"
	visibilityStore = "visibility"
)

// persistenceConfig keeps visibility in a separate file, so that its writes do not wait for those of the histories.
func persistenceConfig(history, visibility *config.SQL) config.Persistence {
	return config.Persistence{
		DefaultStore:     historyStore,
		VisibilityStore:  visibilityStore,
		NumHistoryShards: historyShards,
		DataStores: map[string]config.DataStore{
			historyStore:    {SQL: history},
			visibilityStore: {CustomDataStoreConfig: &config.CustomDatastoreConfig{IndexName: visibility.DatabaseName}},
		},
	}
}

// sqlConfig allows one connection: with more, the server mistakes SQLITE_BUSY for a duplicate key.
func sqlConfig(path string) *config.SQL {
	attributes := map[string]string{
		"mode": "rwc",
		// The server's plugin keeps connections for the life of the process, by their full name. SQLite ignores this
		// parameter, but it makes the name new, so that a second start does not get a file that was deleted since the
		// first.
		"setup": rand.Text(),
	}
	maps.Copy(attributes, pragmas())
	return &config.SQL{
		PluginName:        pluginName,
		DatabaseName:      uriPath(path),
		ConnectAttributes: attributes,
		MaxConns:          1,
		MaxIdleConns:      1,
	}
}

func serverConfig(persistence config.Persistence, ports map[primitives.ServiceName]int) *config.Config {
	frontend := hostPort(ports[primitives.FrontendService])
	c := &config.Config{
		Persistence: persistence,
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: frontend},
		Services:            make(map[string]config.Service, len(ports)),
	}
	for service, port := range ports {
		c.Services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: loopback}}
	}
	c.Archival.History.State = "disabled"
	c.Archival.Visibility.State = "disabled"
	c.NamespaceDefaults.Archival.History.State = "disabled"
	c.NamespaceDefaults.Archival.Visibility.State = "disabled"
	return c
}

// freePorts holds each port open until it has one for every service, so that no port is returned twice.
func freePorts() (ports map[primitives.ServiceName]int, err error) {
	ports = make(map[primitives.ServiceName]int, len(temporal.DefaultServices))
	for _, service := range temporal.DefaultServices {
		listener, listenErr := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if listenErr != nil {
			return nil, errors.Join(err, listenErr)
		}
		defer func() { err = errors.Join(err, listener.Close()) }()
		ports[primitives.ServiceName(service)] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
