package kind

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes/expression"
)

// Registry is the set of kinds that flows can use. It is a value: programs make one, add kinds, and hand it on; from
// then on it is only read.
type Registry struct {
	kinds        map[string]func() Kind
	triggers     map[string]func() Trigger
	names        []string
	triggerNames []string
	effects      map[string]activities.Effect
}

// NewRegistry makes an empty one.
func NewRegistry() *Registry {
	return &Registry{kinds: map[string]func() Kind{}, triggers: map[string]func() Trigger{},
		effects: map[string]activities.Effect{}}
}

// Add registers the kind whose config struct is K. It panics when its name or an alias is taken or malformed: that is a
// mistake of the program, found when it starts.
func Add[K any, P interface {
	*K
	Kind
}](r *Registry) {
	spec := P(new(K)).Spec()
	for _, name := range append([]string{spec.Kind}, spec.Aliases...) {
		checkName("node", name, r.kinds[name] != nil)
		r.kinds[name] = func() Kind { return P(new(K)) }
	}
	checkExecutes(spec.Kind, P(new(K)))
	checkConfig("node", spec.Kind, reflect.TypeFor[K]())
	r.names = append(r.names, spec.Kind)
}

// checkExecutes panics if a kind is not either Pure or Waiting.
func checkExecutes(name string, kind Kind) {
	_, pure := kind.(Pure)
	_, waiting := kind.(Waiting)
	if !pure && !waiting {
		panic(fmt.Sprintf("node kind %q (%T) does no work: give it Execute(run kind.Run), or Execute(ctx "+
			"workflow.Context, "+
			"run kind.WaitingRun) if it waits or acts outside; both return (kind.Result, error)", name, kind))
	}
}

// AddTrigger registers the trigger kind whose config struct is T, as Add does for node kinds.
func AddTrigger[T any, P interface {
	*T
	Trigger
}](r *Registry) {
	spec := P(new(T)).Spec()
	for _, name := range append([]string{spec.Kind}, spec.Aliases...) {
		checkName("trigger", name, r.triggers[name] != nil)
		r.triggers[name] = func() Trigger { return P(new(T)) }
	}
	checkConfig("trigger", spec.Kind, reflect.TypeFor[T]())
	r.triggerNames = append(r.triggerNames, spec.Kind)
}

// checkConfig panics if a config struct has a field that no value can fill.
func checkConfig(of, name string, config reflect.Type) {
	if err := expression.CheckConfig(config); err != nil {
		panic(fmt.Sprintf("%s kind %q: %v", of, name, err))
	}
}

// checkName panics when a name, or an alias, is taken or malformed.
func checkName(of, name string, taken bool) {
	if taken {
		panic(fmt.Sprintf("%s kind %q is registered twice", of, name))
	}
	if !everhook.IsFlowKey(name) {
		panic(fmt.Sprintf("%s kind %q: a kind's name is made of a-z, 0-9 and -", of, name))
	}
}

// AddEffect registers an effect that kinds from outside call by its name. It panics when the name is taken or belongs
// to the built-in ones.
func AddEffect(r *Registry, e activities.Effect) {
	name := e.Name()
	if r.effects[name] != nil {
		panic(fmt.Sprintf("effect %q is registered twice", name))
	}
	if err := activities.CheckEffectName(name); err != nil {
		panic(err.Error())
	}
	r.effects[name] = e
}

// Activities makes the functions that a worker registers for the effects from outside, by name.
func (r *Registry) Activities(d activities.Dependencies) map[string]any {
	functions := make(map[string]any, len(r.effects))
	for name, e := range r.effects {
		functions[name] = e.Activity(d)
	}
	return functions
}

// Kind gives a new, empty config of the node kind with that name or alias; false if there is none.
func (r *Registry) Kind(name string) (Kind, bool) {
	if r.kinds[name] == nil {
		return nil, false
	}
	return r.kinds[name](), true
}

// Trigger gives a new, empty config of the trigger kind with that name or alias; false if there is none.
func (r *Registry) Trigger(name string) (Trigger, bool) {
	if r.triggers[name] == nil {
		return nil, false
	}
	return r.triggers[name](), true
}

// Names are the names of the node kinds without aliases, in the order of registration.
func (r *Registry) Names() []string { return slices.Clone(r.names) }

// TriggerNames are the names of the trigger kinds without aliases, in the order of registration.
func (r *Registry) TriggerNames() []string { return slices.Clone(r.triggerNames) }

// Kinds gives a new, empty config of every node kind, in the order of registration.
func (r *Registry) Kinds() []Kind {
	kinds := make([]Kind, len(r.names))
	for i, name := range r.names {
		kinds[i] = r.kinds[name]()
	}
	return kinds
}

// Triggers gives a new, empty config of every trigger kind, in the order of registration.
func (r *Registry) Triggers() []Trigger {
	triggers := make([]Trigger, len(r.triggerNames))
	for i, name := range r.triggerNames {
		triggers[i] = r.triggers[name]()
	}
	return triggers
}
