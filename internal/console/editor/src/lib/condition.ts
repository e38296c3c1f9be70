// Conditions as people build them: comparisons, in groups of which all or any hold. What is not of this form stays text.

export interface Rule {
  left: string
  op: string
  right: string
}
export interface Group {
  all: boolean
  parts: (Rule | Group)[]
}

export const isGroup = (part: Rule | Group): part is Group => 'parts' in part

/** operators are those of comparisons, as expressions write them and as people read them. */
export const operators: [string, string][] = [
  ['==', 'is'], ['!=', 'is not'], ['>', 'is more than'], ['>=', 'is at least'], ['<', 'is less than'], ['<=', 'is at most'],
  ['contains', 'contains'], ['startsWith', 'begins with'], ['endsWith', 'ends with'], ['matches', 'matches'], ['in', 'is one of'],
]

/** parse reads a condition; undefined if it is of another form. */
export function parse(source: string): Group | undefined {
  if (source.trim() === '') return { all: true, parts: [] }
  const read = group(source)
  return read && isGroup(read) ? read : read && { all: true, parts: [read] }
}

function group(source: string): Rule | Group | undefined {
  for (const [all, words] of [[false, ['or', '||']], [true, ['and', '&&']]] as const) {
    const terms = split(source, words)
    if (!terms) return undefined
    if (terms.length === 1) continue
    const parts = terms.map((term) => group(term))
    return parts.every((part) => part !== undefined) ? { all, parts } : undefined
  }
  const inner = source.trim()
  if (inner.startsWith('(') && closing(inner, 0) === inner.length - 1) return group(inner.slice(1, -1))
  return rule(inner)
}

function rule(source: string): Rule | undefined {
  if (split(source, ['?'])?.length !== 1) return undefined // a ? b : c
  for (const op of ['==', '!=', '>=', '<=', '>', '<', 'contains', 'startsWith', 'endsWith', 'matches', 'in']) {
    const terms = split(source, [op])
    if (!terms) return undefined
    if (terms.length === 1) continue
    const [left, right, more] = terms
    return left?.trim() && right?.trim() && more === undefined && !/[?:!]\s*$|^\s*(not|!)\b/.test(left) ? { left: left.trim(), op, right: right.trim() } : undefined
  }
  return undefined
}

/** split cuts at words outside of quotes and brackets; undefined if these are not closed. */
function split(source: string, words: readonly string[]): string[] | undefined {
  const terms: string[] = []
  let start = 0
  for (let i = 0; i < source.length; i++) {
    const c = source[i] as string
    if (`"'\``.includes(c) || '([{'.includes(c)) {
      const end = closing(source, i)
      if (end < 0) return undefined
      i = end
      continue
    }
    if (')]}'.includes(c)) return undefined
    const word = words.find((w) => source.startsWith(w, i) && whole(source, i, w))
    if (!word) continue
    terms.push(source.slice(start, i))
    i += word.length - 1
    start = i + 1
  }
  return [...terms, source.slice(start)]
}

/** whole reports whether an operator at an offset is not a part of a longer word or operator. */
function whole(source: string, at: number, word: string): boolean {
  const before = source[at - 1] ?? ' '
  const after = source[at + word.length] ?? ' '
  if (/\w/.test(word)) return !/[\w.#$]/.test(before) && !/\w/.test(after)
  if (word === '?') return !/[?.]/.test(after) && before !== '?'
  return !/[=!<>?|&]/.test(before) && !/[=<>|&]/.test(after)
}

/** closing is the offset of what closes a quote or bracket; -1 if nothing does. */
function closing(source: string, at: number): number {
  const open = source[at] as string
  if (`"'\``.includes(open)) {
    for (let i = at + 1; i < source.length; i++) {
      if (source[i] === '\\' && open !== '`') i++
      else if (source[i] === open) return i
    }
    return -1
  }
  for (let i = at + 1; i < source.length; i++) {
    const c = source[i] as string
    if (`"'\`([{`.includes(c)) {
      i = closing(source, i)
      if (i < 0) return -1
    } else if (')]}'.includes(c)) return c === { '(': ')', '[': ']', '{': '}' }[open] ? i : -1
  }
  return -1
}

/** print writes a condition as an expression. */
export function print(group: Group, inside = false): string {
  const parts = group.parts.map((part) => (isGroup(part) ? print(part, group.parts.length > 1) : `${part.left || 'nil'} ${part.op} ${part.right || 'nil'}`))
  const text = parts.filter(Boolean).join(group.all ? ' and ' : ' or ')
  return inside && parts.length > 1 ? `(${text})` : text
}

/** operand is what a person typed as the right side: a word that is no expression becomes a text. */
export function operand(typed: string): string {
  const text = typed.trim()
  if (text === '' || /^(-?\d+(\.\d+)?|true|false|nil)$/.test(text)) return text
  if (/^["'`[({]/.test(text) || /^(trigger|nodes|errors|loops?|system|env|failure)\b/.test(text) || /^\w+\(.*\)$/s.test(text)) return text
  return JSON.stringify(text)
}
