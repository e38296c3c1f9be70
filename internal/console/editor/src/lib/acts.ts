import { copy as toClipboard } from './clipboard'
import { ask } from './ask.svelte'
import { nameOf } from './kinds'
import { count, listOf } from './pointer'
import type { Editor } from './store.svelte'
import type { Operation, Problem } from './types'

// What people do with steps. Before something breaks, they are asked.

/** agreed asks if an operation would bring errors. */
async function agreed(editor: Editor, operations: Operation[], title: string, act: string): Promise<boolean> {
  let broke: Problem[]
  try {
    broke = await editor.breaks(operations)
  } catch {
    return true // the operation itself will say what is wrong
  }
  return broke.length === 0 || ask(title, broke, act)
}

export async function remove(editor: Editor, key: string) {
  const card = editor.card(key)
  if (!card) return
  const below = count(card)
  const operations: Operation[] = [{ op: 'remove', pointer: card.pointer }]
  if (!(await agreed(editor, operations, `Delete “${nameOf(card)}”${below ? ` and ${below} steps below it` : ''}?`, 'Delete and show them'))) return
  await editor.edit(`delete “${nameOf(card)}”`, () => {
    const now = editor.card(key)
    return now ? [{ op: 'remove', pointer: now.pointer }] : []
  })
}

export async function move(editor: Editor, key: string, list: string, index: number) {
  const card = editor.card(key)
  if (!card || list.startsWith(card.pointer + '/')) return
  const from = listOf(card.pointer)
  if (from.list === list && (index === from.index || index === from.index + 1)) return
  const operations: Operation[] = [{ op: 'move', pointer: card.pointer, to: list, index }]
  if (!(await agreed(editor, operations, `Move “${nameOf(card)}”?`, 'Move and show them'))) return
  await editor.edit(`move “${nameOf(card)}”`, () => operations)
}

/** shift moves a step up or down in its list. */
export async function shift(editor: Editor, key: string, by: 1 | -1) {
  const card = editor.card(key)
  if (!card) return
  const { list, index } = listOf(card.pointer)
  if (index + by < 0) return
  await move(editor, key, list, by < 0 ? index - 1 : index + 2)
}

export async function duplicate(editor: Editor, key: string) {
  const card = editor.card(key)
  if (!card) return
  const { list, index } = listOf(card.pointer)
  await editor.edit(`duplicate “${nameOf(card)}”`, () => [{ op: 'copy', pointer: card.pointer, to: list, index: index + 1 }])
}

/** copyStep puts a step as JSON, which is YAML too, into the clipboard. */
export async function copyStep(editor: Editor, key: string) {
  await toClipboard(JSON.stringify(editor.get(key, []), null, 2))
}

export async function paste(editor: Editor, key: string) {
  const text = await navigator.clipboard.readText().catch(() => '')
  const card = editor.card(key)
  const at = card ? listOf(card.pointer) : { list: '/nodes', index: -1 }
  if (text.trim()) await editor.insert(at.list, at.index + 1, text, 'paste')
}
