package flowfile

import (
	"strings"

	"github.com/everhook/everhook"
)

// Template returns a commented flow file to start from. It is valid; key must be a flow key and mode one of the two.
func Template(key string, mode everhook.Mode) string {
	rest := templateSync
	if mode == everhook.Async {
		rest = templateAsync
	}
	return strings.ReplaceAll(templateHead, "<key>", key) + rest
}

// templateHead is the same for both modes. The schema is a file beside the flow, so that editors need no network.
const templateHead = `# yaml-language-server: $schema=flow.schema.json
# The line above gives completion and errors in editors. This writes the file that it names:
#   everhook flow schema > flow.schema.json

key: <key>                  # identity of the flow over all its versions
title: <key>
description: Say here what calls this flow, and what it does.
`

const templateSync = `mode: sync                  # the caller waits for the answer that a response node gives
trigger:
  type: webhook
  # Credentials that the caller must show. The password is read from EVERHOOK_SECRET_WEBHOOK_PASSWORD.
  # auth: { basic: { username: caller, password: { secret: WEBHOOK_PASSWORD } } }
  request:                  # what of a call the run sees; a list that is left out keeps everything, but no header
    headers: [X-Request-Id]
    body:
      - { path: order.id, alias: Order ID }
      - order.status
options:
  wait: 30s                 # how long the caller is held; after that it gets a 202 and the run goes on

# The nodes run one after the other; branches are lists of nodes again.
nodes:
  - key: paid               # a name: later expressions read the result as nodes.paid
    type: condition
    title: Is the order paid?
    config:
      # An expression: no braces. Write it in single quotes, with double quotes inside.
      expression: 'trigger.body.order.status == "paid"'
    branches:
      then:
        - key: accept
          type: response
          config:
            status: 200
            # A template: {{ … }} holds an expression, everything else is text.
            body: { ok: true, order: '{{ trigger.body.order.id }}' }
      else:
        - key: refuse
          type: response
          config:
            status: 422
            body: { ok: false, message: 'order {{ trigger.body.order.id }} is not paid' }
`

const templateAsync = `mode: async                 # the caller is answered at once, as soon as the run is durable
trigger:
  type: webhook
  # Credentials that the caller must show. The password is read from EVERHOOK_SECRET_WEBHOOK_PASSWORD.
  # auth: { basic: { username: caller, password: { secret: WEBHOOK_PASSWORD } } }
  request:                  # what of a call the run sees; a list that is left out keeps everything, but no header
    headers: [X-Request-Id]
    body:
      - { path: order.id, alias: Order ID }
      - order.items
  response:                 # what the caller receives
    status: 202
    body: { accepted: true, run: '{{ system.runId }}' }
options:
  timeout: 1d               # ends a run that takes longer

# The nodes run one after the other; branches are lists of nodes again.
nodes:
  - key: total              # a name: later expressions read the result as nodes.total
    type: calculation
    title: What the order costs
    config:
      # An expression: no braces. Write it in single quotes, with double quotes inside.
      expression: 'sum(trigger.body.order.items ?? [], .price * .quantity)'
  - key: pause
    type: delay
    config: { duration: 10s }   # runs survive restarts while they wait
  # - key: tell             # an effect: other systems are called with retries
  #   type: http-request
  #   timeout: 10s
  #   config:
  #     method: POST
  #     url: 'https://api.example.com/orders/{{ trigger.body.order.id }}'
  #     headers: { Authorization: 'Bearer {{ secret.API_TOKEN }}' }
  #     body: { total: '{{ nodes.total }}' }
  - key: result
    type: output            # the output of the run
    config:
      # A template: {{ … }} holds an expression, everything else is text.
      value: { order: '{{ trigger.body.order.id }}', total: '{{ nodes.total }}' }
`
