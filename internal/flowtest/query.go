package flowtest

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/everhook/everhook"
)

// queryText writes a query: text unchanged, a mapping in the receiver's notation for nested values.
func queryText(query any) (string, error) {
	switch query := query.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimPrefix(query, "?"), nil
	case map[string]any:
		var parameters []string
		for _, name := range everhook.SortedKeys(query) {
			var err error
			if parameters, err = appendParameters(parameters, url.QueryEscape(name), query[name]); err != nil {
				return "", err
			}
		}
		return strings.Join(parameters, "&"), nil
	default:
		return "", fmt.Errorf("%s is no query", everhook.TypeName(query))
	}
}

func appendParameters(parameters []string, name string, v any) ([]string, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return nil, fmt.Errorf("%s is nil, which no query can say", name)
	case map[string]any:
		for _, key := range everhook.SortedKeys(v) {
			if parameters, err = appendParameters(parameters, name+"["+url.QueryEscape(key)+"]", v[key]); err != nil {
				return nil, err
			}
		}
		return parameters, nil
	case []any:
		for i, item := range v {
			if parameters, err = appendParameters(parameters, fmt.Sprintf("%s[%d]", name, i), item); err != nil {
				return nil, err
			}
		}
		return parameters, nil
	default:
		return append(parameters, name+"="+url.QueryEscape(plainText(v))), nil
	}
}
