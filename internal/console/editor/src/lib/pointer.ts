import type { Card, Drawing, Json, Mapping } from './types'

// JSON pointers (RFC 6901) in the text of a flow.

const escape = (token: string) => token.replaceAll('~', '~0').replaceAll('/', '~1')
const unescape = (token: string) => token.replaceAll('~1', '/').replaceAll('~0', '~')

export type Path = (string | number)[]

export const pointer = (base: string, path: Path) => base + path.map((token) => '/' + escape(String(token))).join('')

export const tokens = (at: string): string[] => (at === '' ? [] : at.slice(1).split('/').map(unescape))

/** at is the value at a pointer; undefined if there is none. */
export function at(value: Json | undefined, place: string): Json | undefined {
  for (const token of tokens(place)) {
    if (Array.isArray(value)) value = value[Number(token)]
    else if (value !== null && typeof value === 'object') value = Object.hasOwn(value, token) ? value[token] : undefined
    else return undefined
  }
  return value
}

export const isMapping = (value: Json | undefined): value is Mapping =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** walk calls back for every step, in the order of the flow. */
export function walk(drawing: Drawing | undefined, visit: (card: Card, list: Card[], index: number) => void): void {
  const list = (cards: Card[]) =>
    cards.forEach((card, index) => {
      visit(card, cards, index)
      card.branches?.forEach((lane) => list(lane.steps))
    })
  if (!drawing) return
  list(drawing.steps)
  list(drawing.onFailure)
}

/** count is the number of steps below a step. */
export function count(card: Card): number {
  let n = 0
  card.branches?.forEach((lane) => lane.steps.forEach((step) => (n += 1 + count(step))))
  return n
}

/** listOf splits the pointer of a step into that of its list and its index. */
export function listOf(place: string): { list: string; index: number } {
  const end = place.lastIndexOf('/')
  return { list: place.slice(0, end), index: Number(place.slice(end + 1)) }
}
