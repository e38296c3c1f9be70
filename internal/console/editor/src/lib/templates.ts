// The texts that new flows begin with. They are written as a person would write them.

export interface Start {
  title: string
  trigger: string
  mode: 'sync' | 'async'
}

export interface Template {
  name: string
  title: string
  hint: string
  mode?: 'sync' | 'async'
  nodes: string
  /** What stands in the trigger block besides its type. */
  block?: string
}

export const templates: Template[] = [
  { name: 'nothing', title: 'Nothing', hint: 'Only the trigger.', nodes: '' },
  {
    name: 'condition', title: 'Condition and two answers', hint: 'Paid or not: answer 200 or 422.', mode: 'sync',
    block: '  request:\n    body:\n      - { path: order.id, alias: Order ID }\n      - { path: order.status, alias: Order status }\n',
    nodes: `nodes:
  - key: paid
    type: condition
    title: Is it paid?
    config:
      expression: 'trigger.body.order.status == "paid"'
    branches:
      then:
        - key: accept
          type: response
          title: Accept
          config:
            status: 200
            body: { ok: true, id: '{{ trigger.body.order.id }}' }
      else:
        - key: refuse
          type: response
          title: Refuse
          config:
            status: 422
            body: { ok: false, reason: 'order {{ trigger.body.order.id }} is not paid' }
`,
  },
  {
    name: 'stripe', title: 'Stripe payment', hint: 'Signature checked, duplicates known.', mode: 'async',
    block: '  signature: { preset: stripe, secrets: { secret: STRIPE_SIGNING } }\n  dedupe: preset\n',
    nodes: `nodes:
  - key: event
    type: variable
    title: What happened
    config: { value: '{{ trigger.body.type }}' }
`,
  },
  {
    name: 'github', title: 'GitHub push', hint: 'Signature checked, one branch per event.', mode: 'async',
    block: '  signature: { preset: github, secrets: { secret: GITHUB_SIGNING } }\n  dedupe: preset\n  request:\n    headers: [X-GitHub-Event]\n',
    nodes: `nodes:
  - key: event
    type: multi-conditions
    title: Which event?
    config:
      cases:
        - { name: push, when: 'trigger.headers["x-github-event"] == "push"' }
        - { name: ping, when: 'trigger.headers["x-github-event"] == "ping"' }
      continueOnNoMatch: true
    branches:
      push: []
      ping: []
`,
  },
]

/** keyOf makes a key of a title: a-z, 0-9 and -, at most 63. */
export function keyOf(title: string): string {
  const plain = title.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').replaceAll('ß', 'ss').toLowerCase()
  return plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 63).replace(/-+$/, '') || 'flow'
}

/** textOf is the text of a new flow. */
export function textOf(key: string, start: Start, template: Template): string {
  const webhook = start.trigger === 'webhook'
  return `key: ${key}\ntitle: ${JSON.stringify(start.title)}\nmode: ${start.mode}\ntrigger:\n  type: ${start.trigger}\n${webhook ? (template.block ?? '') : ''}${template.nodes || 'nodes: []\n'}`
}
