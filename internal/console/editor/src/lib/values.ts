import type { Json } from './types'

// Values of fields as people type them.

/** Written says how a value is written in a form: as text, as text with a template, as one expression, or as JSON. */
export type Written = 'text' | 'template' | 'expression' | 'json'

const whole = /^\{\{((?:(?!\}\}).)*)\}\}$/s

export function writtenAs(value: Json | undefined): Written {
  if (typeof value !== 'string') return value === undefined ? 'text' : 'json'
  if (whole.test(value.trim())) return 'expression'
  return value.includes('{{') ? 'template' : 'text'
}

/** shown is a value as it stands in a field. */
export function shown(value: Json | undefined): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** literal reads numbers, true, false, null, lists and mappings; anything else is text. */
export function literal(text: string): Json {
  const trimmed = text.trim()
  if (/^(-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null|[[{"].*)$/s.test(trimmed)) {
    try {
      return JSON.parse(trimmed) as Json
    } catch {
      return text
    }
  }
  return text
}

/** mark is the sign of how a value is written, beside its field. */
export const mark = (value: Json | undefined): string => ({ text: 'Aa', template: '{ }', expression: 'fx', json: '12' })[writtenAs(value)]
