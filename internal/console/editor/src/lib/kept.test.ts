import { expect, it } from 'vitest'
import { merge, rowsOf } from './kept'

const value = (path: string, secret = false) => ({ path, type: 'text', example: '', secret })

it('keeps the leaves of a sample and no likely secrets', () => {
  expect(merge(undefined, [value('order'), value('order.id'), value('order.token', true), value('a')])).toEqual(['order.id', 'a'])
})

it('leaves rows that exist as they are', () => {
  const rows = rowsOf([{ path: 'order.id', alias: 'Order' }, 'items'])
  expect(merge(rows, [value('order'), value('order.id'), value('items'), value('items.sku')])).toEqual([{ path: 'order.id', alias: 'Order' }, 'items'])
})

it('knows that all is kept without a list', () => expect(rowsOf(undefined)).toBeUndefined())
