package flowfile

import (
	"strings"

	"github.com/everhook/everhook"
)

// CallTemplate returns a commented file of a flow that other flows call. It is valid; key must be a flow key and mode
// one of the two.
func CallTemplate(key string, mode everhook.Mode) string {
	return strings.NewReplacer("<key>", key, "<mode>", string(mode)).Replace(templateHead + templateCall)
}

const templateCall = `mode: <mode>
trigger:
  type: call                # other flows call it, by a node of kind subflow
  input:                    # a JSON Schema: a call that does not fit is not made
    type: object
    required: [lines]
    properties:
      lines: { type: array, items: { type: object, required: [price, quantity] } }
options:
  timeout: 1h               # ends a run that takes longer

# The nodes run one after the other; branches are lists of nodes again.
nodes:
  - key: total              # a name: later expressions read the result as nodes.total
    type: calculation
    title: What the lines cost
    config:
      # An expression: no braces. Write it in single quotes, with double quotes inside.
      expression: 'sum(trigger.input.lines, .price * .quantity)'
  - key: result
    type: output            # what the calling node has as its result
    config:
      # A template: {{ … }} holds an expression, everything else is text.
      value: { total: '{{ nodes.total }}' }

# How another flow calls this one:
#   - key: cost
#     type: subflow
#     config: { flow: <key>, input: { lines: '{{ trigger.body.order.lines }}' } }
`
