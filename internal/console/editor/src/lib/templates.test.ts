import { expect, it } from 'vitest'
import { keyOf } from './templates'

it.each([['Payment callback', 'payment-callback'], ['  Größe & Maß  ', 'grosse-mass'], ['日本', 'flow'], ['x'.repeat(80), 'x'.repeat(63)]])(
  'makes a key of %s', (title, key) => expect(keyOf(title)).toBe(key))
