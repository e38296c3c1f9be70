package secrets

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/idna"

	"github.com/everhook/everhook"
)

// Rules restrict secrets by their names. A secret without a rule may be used by every flow, for every host.
type Rules map[string]Rule

// Rule restricts one secret. An empty list restricts nothing.
type Rule struct {
	// Flows are the keys of the flows that may use the secret.
	Flows []string `yaml:"flows"`
	// Hosts are the hosts to which the secret may be sent: a name, *.NAME for all names below it, or an address, each
	// with a port if only that one is meant.
	Hosts []string `yaml:"hosts"`
}

// Restricted is the error for a use that a rule does not allow. It names the secret and never its value.
type Restricted struct{ message string }

func (r *Restricted) Error() string { return r.message }

func restrictedf(format string, a ...any) error { return &Restricted{fmt.Sprintf(format, a...)} }

// UnmarshalText reads {NAME: {flows: [KEY], hosts: [HOST]}}, as YAML or JSON.
func (r *Rules) UnmarshalText(text []byte) error {
	rules := Rules{}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&rules); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("rules for secrets look like {API_TOKEN: {flows: [orders], hosts: [api.example.com]}}: %w",
			err)
	}
	for _, name := range everhook.SortedKeys(rules) {
		rule := rules[name]
		if !ValidName(name) {
			return fmt.Errorf("%q is not a name of a secret", everhook.Shorten(name, 80))
		}
		if len(rule.Flows) == 0 && len(rule.Hosts) == 0 {
			return fmt.Errorf("the rule for the secret %s restricts nothing; name flows or hosts, or take it out", name)
		}
		for _, flow := range rule.Flows {
			if !everhook.IsFlowKey(flow) {
				return fmt.Errorf("the rule for the secret %s: %q is not a flow key", name, everhook.Shorten(flow, 80))
			}
		}
		for _, host := range rule.Hosts {
			if _, _, ok := splitHost(host); !ok {
				return fmt.Errorf("the rule for the secret %s: %q is not a host; write api.example.com, "+
					"*.example.com, an address, or one of them with a port", name, everhook.Shorten(host, 80))
			}
		}
	}
	*r = rules
	return nil
}

// Permit returns a *Restricted if a flow may not use a secret.
func (r Rules) Permit(flow, name string) error {
	rule := r[name]
	if len(rule.Flows) == 0 || slices.Contains(rule.Flows, flow) {
		return nil
	}
	return restrictedf("the flow %s may not use the secret %s; the server's rules for secrets name the flows that may",
		flow, name)
}

// HasHosts reports whether a secret may be sent to certain hosts only.
func (r Rules) HasHosts(name string) bool { return len(r[name].Hosts) > 0 }

// MaySend returns a *Restricted if a secret may not be sent to a host and port.
func (r Rules) MaySend(name, host, port string) error {
	rule := r[name]
	if len(rule.Hosts) == 0 {
		return nil
	}
	host = normalHost(host)
	for _, pattern := range rule.Hosts {
		wanted, wantedPort, _ := splitHost(pattern)
		below, isWild := strings.CutPrefix(wanted, "*")
		isBelow := isWild && strings.HasSuffix(host, below) && net.ParseIP(host) == nil
		if (host == wanted || isBelow) && (wantedPort == "" || wantedPort == port) {
			return nil
		}
	}
	return restrictedf("the secret %s may not be sent to %s; the server's rules for secrets name the hosts to "+
		"which it may be sent", name, everhook.Shorten(host, 100))
}

// splitHost reads a host of a rule.
func splitHost(text string) (host, port string, ok bool) {
	host = text
	if name, number, err := net.SplitHostPort(text); err == nil {
		host, port = name, number
		if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
			return "", "", false
		}
	}
	host = strings.Trim(host, "[]")
	name := strings.TrimPrefix(host, "*.")
	if name == "" || strings.ContainsAny(name, "*/?#@ ") || strings.Contains(name, ":") && net.ParseIP(name) == nil {
		return "", "", false
	}
	if name != host {
		return "*." + normalHost(name), port, true
	}
	return normalHost(host), port, true
}

// normalHost is the form of a host that is compared: in lower case, without the final dot, in ASCII, and addresses in
// one spelling.
func normalHost(host string) string {
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if ip := net.ParseIP(host); ip != nil {
		return ip.String()
	}
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}
