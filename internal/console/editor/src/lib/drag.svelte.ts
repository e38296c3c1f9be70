import { move } from './acts'
import type { Editor } from './store.svelte'

/** dragged is the step that is being dragged. */
export const dragged = $state({ key: '' })

export async function drop(editor: Editor, list: string, index: number) {
  const key = dragged.key
  dragged.key = ''
  if (key) await move(editor, key, list, index)
}
