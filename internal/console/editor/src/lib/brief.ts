import type { Json } from './types'
import { at, isMapping } from './pointer'

export interface Piece {
  text: string
  code: boolean
}

/** pieces splits a text at its backquotes. */
export const pieces = (text: string): Piece[] =>
  text.split('`').map((part, i) => ({ text: part, code: i % 2 === 1 })).filter((piece) => piece.text !== '')

/** aliases are the names for people of the paths that the trigger keeps, the longest path first. */
export function aliases(value: Json | undefined): [string, string][] {
  const found: [string, string][] = []
  for (const part of ['body', 'query']) {
    const kept = at(value, `/trigger/request/${part}`)
    if (!Array.isArray(kept)) continue
    for (const row of kept) {
      if (isMapping(row) && typeof row.path === 'string' && typeof row.alias === 'string' && row.alias) {
        found.push([`trigger.${part}.${row.path}`, row.alias])
      }
    }
  }
  return found.sort((a, b) => b[0].length - a[0].length)
}

/** named is a text with aliases in the place of paths. */
export function named(text: string, known: [string, string][]): string {
  for (const [path, alias] of known) {
    const whole = new RegExp(`(?<![\\w.])${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w.\\[])`, 'g')
    text = text.replace(whole, () => alias)
  }
  return text.replace(/(?<![\w.])trigger\.(body|query)\.(?=\w)/g, '').replace(/\{\{\s*(.*?)\s*\}\}/g, '$1')
}

/** advice is a problem in one line: what is wrong, and what to do. */
export function advice(problem: { message: string; fix?: string }): string {
  const first = problem.message.split('\n')[0] ?? ''
  const fix = problem.fix ? `. ${problem.fix.charAt(0).toUpperCase()}${problem.fix.slice(1)}` : ''
  return first.charAt(0).toUpperCase() + first.slice(1) + fix
}

/** sentence begins with a capital letter, unless it begins with a name such as onError. */
export const sentence = (text: string) => (/^[a-z]+\b/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text)
