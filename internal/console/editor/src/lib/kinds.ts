// What people see of kinds: titles, icons, a few words. Kinds from outside get a title from their name and the icon of
// their group.

const titles: Record<string, string> = {
  'multi-conditions': 'Cases', 'http-request': 'HTTP request', 'json-mapping': 'Mapping', 'json-query': 'JSON query',
  subflow: 'Call a flow', 'wait-for-call': 'Wait for a call', 'date-calculation': 'Date', end: 'End', call: 'Call',
}

export function kindTitle(kind: string): string {
  const words = kind.replaceAll('-', ' ')
  return titles[kind] ?? words.charAt(0).toUpperCase() + words.slice(1)
}

/** short is the title on a card. */
export const shortTitle = (kind: string) => (kind === 'http-request' ? 'HTTP' : kindTitle(kind))

const briefs: Record<string, string> = {
  condition: 'two branches', 'multi-conditions': 'the first that is true', loop: 'for each item',
  parallel: 'branches at the same time', subflow: 'and use its result', variable: 'a value that can change',
  output: 'the result of the flow', 'json-mapping': 'fields from other fields', delay: 'wait, up to ten years',
  end: 'ends the run', calculation: 'one expression', 'date-calculation': 'with dates and times',
  'json-query': 'JSONPath, JMESPath', 'wait-for-call': 'until its URL is called', 'http-request': 'calls a URL',
  response: 'answers the caller, ends the run',
}

export const kindBrief = (kind: string, summary: string) => briefs[kind] ?? summary

const icons: Record<string, string> = {
  condition: 'condition', 'multi-conditions': 'cases', loop: 'loop', parallel: 'parallel', subflow: 'flow',
  variable: 'variable', output: 'output', 'json-mapping': 'mapping', delay: 'clock', end: 'end',
  calculation: 'calculation', 'date-calculation': 'calendar', 'json-query': 'search', 'wait-for-call': 'wait',
  'http-request': 'http', response: 'response', webhook: 'hook', call: 'flow', schedule: 'clock',
}

const groupIcons: Record<string, string> = { Control: 'condition', Calculation: 'calculation', Callbacks: 'wait', Effects: 'http', Answers: 'response' }

export const kindIcon = (kind: string, group?: string) => icons[kind] ?? groupIcons[group ?? ''] ?? 'box'

/** newKey is the key that a new step asks for; the server makes it unique. */
export const newKeyFor = (kind: string) => (kind === 'http-request' ? 'request' : kind === 'multi-conditions' ? 'cases' : kind.replaceAll('-', '_'))

/** nameOf is what a step is called: its title, or its key, or its kind while it has the key that it was made with. */
export function nameOf(card: { title?: string; key: string; kind: string }): string {
  if (card.title) return card.title
  const made = newKeyFor(card.kind)
  return !card.key || (card.key.startsWith(made) && /^\d*$/.test(card.key.slice(made.length))) ? kindTitle(card.kind) : card.key
}

const fieldTitles: Record<string, string> = {
  'condition.expression': 'Go to Then when', 'loop.over': 'Goes through', 'loop.when': 'While', 'response.as': 'Form', 'http-request.url': 'URL',
}

/** fieldTitle is what a field is called if its name does not say it; undefined: its name does. */
export const fieldTitle = (kind: string, field: string): string | undefined => fieldTitles[`${kind}.${field}`]

/** label is what a field is called in a form: maxAttempts becomes "Max attempts". */
export function label(name: string): string {
  const words = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  return (words.charAt(0).toUpperCase() + words.slice(1)).replace(/\b(url|json|xml|http|id|cors)\b/gi, (word) => word.toUpperCase())
}
