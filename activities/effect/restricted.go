package effect

import (
	"context"
	"reflect"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// permit checks the secrets in the input against the rules of the operator.
func (e *effect[In, Out]) permit(ctx context.Context, input In, secrets activities.Secrets) *everhook.Error {
	rules, ok := secrets.(activities.RestrictedSecrets)
	if !ok {
		return nil
	}
	// The ID of every execution of a run begins with the key of its flow.
	flow, _, _ := strings.Cut(activity.GetInfo(ctx).WorkflowExecution.ID, "/")
	names := map[string]bool{}
	sealedIn(reflect.ValueOf(input), names)
	for _, name := range everhook.SortedKeys(names) {
		if err := rules.Permit(flow, name); err != nil {
			return everhook.Errorf(everhook.TypeSecret, "%s", err)
		}
		if rules.HasHosts(name) && !e.spec.ChecksHosts {
			return everhook.Errorf(everhook.TypeSecret, "the secret %s may be sent to certain hosts only, and the "+
				"effect %s does not check them", name, e.spec.Name)
		}
	}
	return nil
}

var sealedType = reflect.TypeFor[everhook.Sealed]()

// sealedIn collects the names of the secrets in all sealed values of an input.
func sealedIn(v reflect.Value, names map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			sealedIn(v.Elem(), names)
		}
	case reflect.Struct:
		if v.Type() == sealedType {
			for _, name := range v.Interface().(everhook.Sealed).Names() {
				names[name] = true
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				sealedIn(v.Field(i), names)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			sealedIn(v.Index(i), names)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			sealedIn(v.MapIndex(key), names)
		}
	}
}
