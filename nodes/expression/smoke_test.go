package expression

import (
	"testing"
	"time"
	"fmt"
)

func TestSmoke(t *testing.T) {
	env := &Environment{Roots: map[string]*Shape{"trigger": {}, "nodes": {Fields: map[string]*Shape{"charge": {}}, Hidden: map[string]string{"later": "it runs later"}}, "env": {}}}
	for _, s := range []string{`trigger.body.paid`, `trigger.x + 1`, `1/0`, `nodes.charg.x`, `nodes.later`, `nodes`, `nodes["x"+"y"]`, `$env`, `map(1..1000000, # * 2)`, `len("größe")`, `a = b`, `trigger.a & 2`, `{"a":1} == {"a":1.0}`, `9223372036854775807 + 1`, `3.0 % 2`, `trigger.a ? 1 : 2`, `let x = 1; x+1`, `filter([1,2],#>1)[0]`, `date("2024-01-01")`, `if true { 1 } else { 2 }`, `"a" matches "["`, `nodes.charge ?? 1 + 2`,`lenn("x")`, `not trigger.a`} {
		p, err := Compile(s, env)
		if err != nil {
			fmt.Println(s, "=> COMPILE", err)
			continue
		}
		v, err := p.Eval(&Scope{Values: map[string]any{"trigger": map[string]any{"body": map[string]any{"paid": true}}}, Now: time.Now})
		fmt.Println(s, "=>", v, err)
	}
	for _, f := range Functions() {
		p, err := Compile(f.Example, env)
		if err != nil { fmt.Println(f.Name, err); continue }
		v, err := p.Eval(&Scope{Now: time.Now, ResumeURL: func(string) (string, error) { return "https://x", nil }})
		m := machine{maxUnits: 1000000, maxBytes: 1000000}
		j, _ := m.json(v)
		if err != nil || j != f.Result { fmt.Println("EXAMPLE", f.Name, v, err, j) }
	}
}
