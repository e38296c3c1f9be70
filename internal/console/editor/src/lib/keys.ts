import { copyStep, duplicate, paste, remove, shift } from './acts'
import { asking } from './moving.svelte'
import { listOf } from './pointer'
import { trigger, type Editor } from './store.svelte'

export interface Acts {
  help: () => void
  publish: () => void
}

/** handle is the keyboard of the page. Letters work only while the canvas has the focus. */
export function handle(e: KeyboardEvent, editor: Editor, acts: Acts) {
  const target = e.target as HTMLElement
  const typing = target.closest('input, textarea, select, [contenteditable], .cm-host')
  const control = e.ctrlKey || e.metaKey
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key
  if (document.querySelector('dialog[open]')) return
  if (control && key === 's') return done(e) // all is saved at once
  if (control && key === 'e') return done(e, () => (editor.text = !editor.text))
  if (!typing && control && (key === 'y' || (key === 'z' && e.shiftKey))) return done(e, () => editor.redo())
  if (!typing && control && key === 'z') return done(e, () => editor.undo())
  if (key === 'Escape' && !typing && (editor.chosen || editor.text)) {
    return done(e, () => {
      const chosen = editor.chosen
      editor.text = false
      editor.chosen = ''
      requestAnimationFrame(() => focusOn(chosen || editor.focus))
    })
  }
  if (typing) return
  if (e.key === '?') return done(e, acts.help)
  const at = target.closest<HTMLElement>('[data-step]')?.dataset.step
  if (at) canvas(e, editor, at, key, control)
}

function canvas(e: KeyboardEvent, editor: Editor, at: string, key: string, control: boolean) {
  const step = at === trigger ? undefined : at
  const all = [...document.querySelectorAll<HTMLElement>('.canvas [data-step]')]
  const i = all.findIndex((el) => el.dataset.step === at)
  const go = (n: number) => done(e, () => all[Math.max(0, Math.min(all.length - 1, n))]?.focus())
  if (e.altKey && step && (key === 'ArrowUp' || key === 'ArrowDown')) {
    return done(e, async () => {
      await shift(editor, step, key === 'ArrowUp' ? -1 : 1)
      requestAnimationFrame(() => focusOn(step))
    })
  }
  if (control) {
    if (step && key === 'c') return done(e, () => copyStep(editor, step))
    if (step && key === 'x') return done(e, async () => { await copyStep(editor, step); await remove(editor, step) })
    if (key === 'v') return done(e, () => paste(editor, at))
    return
  }
  switch (e.key) {
    case 'ArrowDown': return go(i + 1)
    case 'ArrowUp': return go(i - 1)
    case 'Home': return go(0)
    case 'End': return go(all.length - 1)
    case 'ArrowRight': return done(e, () => sideways(all[i], 1))
    case 'ArrowLeft': return done(e, () => sideways(all[i], -1))
    case 'Enter': return done(e, () => {
      editor.text = false
      editor.chosen = at
      requestAnimationFrame(() => document.getElementById('drawer-title')?.focus())
    })
    case 'a': return done(e, () => insertAt(step, editor, 1))
    case 'A': return done(e, () => insertAt(step, editor, 0))
    case '/': return done(e, () => insertAt(step, editor, 1))
  }
  if (!step) return
  switch (e.key) {
    case 'm': return done(e, () => (asking.key = step))
    case 'd': return done(e, () => duplicate(editor, step))
    case 'Delete': return done(e, () => remove(editor, step))
    case ' ': return done(e, () => editor.fold(step))
    case 'p': return done(e, () => {
      const problem = editor.errors.find((p) => p.node && p.node !== at)
      if (problem?.node) focusOn(problem.node)
    })
  }
}

/** sideways goes to the first card of the branch beside, into the first branch, or out of it. */
function sideways(from: HTMLElement | undefined, by: 1 | -1) {
  const lane = from?.closest('.lane')
  const beside = by > 0 ? lane?.nextElementSibling : lane?.previousElementSibling
  const inner = by > 0 ? from?.closest('.step')?.querySelector<HTMLElement>(':scope > .lanes [data-step], .box .flow [data-step]') : undefined
  const outer = by < 0 ? lane?.closest('.lanes')?.closest('.step')?.querySelector<HTMLElement>('[data-step]') : undefined
  ;(inner && inner !== from ? inner : (beside?.querySelector<HTMLElement>('[data-step]') ?? outer))?.focus()
}

function insertAt(step: string | undefined, editor: Editor, after: 0 | 1) {
  const card = step ? editor.card(step) : undefined
  const { list, index } = card ? listOf(card.pointer) : { list: '/nodes', index: -1 }
  document.querySelector<HTMLElement>(`[data-slot="${list}:${index + after}"]`)?.click()
}

export const focusOn = (key: string) => document.querySelector<HTMLElement>(`[data-step="${key}"]`)?.focus()

function done(e: KeyboardEvent, act?: () => unknown) {
  e.preventDefault()
  act?.()
}
