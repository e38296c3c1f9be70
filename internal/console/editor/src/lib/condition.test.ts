import { describe, expect, it } from 'vitest'
import { operand, parse, print, type Group } from './condition'

const shape = (group: Group | undefined): unknown =>
  group && { [group.all ? 'all' : 'any']: group.parts.map((p) => ('parts' in p ? shape(p) : `${p.left}|${p.op}|${p.right}`)) }

describe('conditions', () => {
  it.each([
    ['trigger.body.status == "paid"', { all: ['trigger.body.status|==|"paid"'] }],
    ['a > 1 and b <= 2 && c in [1, 2]', { all: ['a|>|1', 'b|<=|2', 'c|in|[1, 2]'] }],
    ['a == 1 && (len(b ?? []) > 0 || c endsWith "x and y")', { all: ['a|==|1', { any: ['len(b ?? [])|>|0', 'c|endsWith|"x and y"'] }] }],
    ['a == 1 and b == 2 or c == 3', { any: [{ all: ['a|==|1', 'b|==|2'] }, 'c|==|3'] }],
    ['nodes.band.order == 1', { all: ['nodes.band.order|==|1'] }],
    ['', { all: [] }],
  ])('reads %s', (source, want) => expect(shape(parse(source))).toEqual(want))

  it.each(['trigger.body.ok', 'not (a == 1)', 'a == 1 ? b : c', 'a == ', '(a == 1', 'a == b == c', 'any(list, .x > 1)', '!a == b'])(
    'leaves %s as text', (source) => expect(parse(source)).toBeUndefined())

  it.each(['a == 1', 'a == 1 and (b > 2 or c contains "x")', '(a == 1 and b == 2) or c == 3'])('writes %s as it was', (source) =>
    expect(print(parse(source) as Group)).toBe(source))

  it('makes a text of a word', () => {
    expect(operand('paid')).toBe('"paid"')
    expect(operand('42')).toBe('42')
    expect(operand('trigger.body.a')).toBe('trigger.body.a')
    expect(operand('"x"')).toBe('"x"')
  })
})
