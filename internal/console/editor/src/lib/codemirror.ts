import { autocompletion } from '@codemirror/autocomplete'
import { defaultKeymap, indentWithTab } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import type { Problem } from './types'

export interface TextEditor {
  text(): string
  /** replace changes only what differs, so that the cursor and the scrolling stay. */
  replace(text: string): void
  mark(problems: Problem[]): void
  show(key: string, line?: number): void
  go(line: number, column: number): void
  close(): void
}

const style = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--green)' },
  { tag: tags.comment, color: 'var(--soft)' },
  { tag: [tags.keyword, tags.bool, tags.number, tags.null], color: 'var(--amber)' },
])

const theme = EditorView.theme({
  '&': { height: '100%', background: 'var(--sheet)', color: 'var(--text)' },
  '.cm-scroller': { font: 'var(--mono)' },
  '.cm-gutters': { background: 'var(--sheet)', color: 'var(--soft)', border: '0' },
  '.cm-activeLine': { background: 'color-mix(in srgb, var(--accent-ground) 60%, transparent)' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { background: 'var(--accent-ground)' },
  '.cm-tooltip': { background: 'var(--sheet)', border: '1px solid var(--line)', color: 'var(--text)' },
  '&.cm-focused': { outline: '0' },
})

/**
 * textEditor shows a text in a shadow root: there, CodeMirror's styles are constructed sheets, which the policy of the
 * page allows. Undo is that of the draft, so the text and the canvas share it.
 */
export function textEditor(host: HTMLElement, text: string, changed: () => void, history: { undo: () => void; redo: () => void }): TextEditor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
  root.replaceChildren()
  let replacing = false
  const run = (act: () => void) => () => {
    act()
    return true
  }
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), foldGutter(), drawSelection(), highlightActiveLine(), indentOnInput(), bracketMatching(), lintGutter(), autocompletion(),
        yaml(), syntaxHighlighting(style), theme, EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'The flow as YAML', spellcheck: 'false' }),
        keymap.of([
          { key: 'Mod-z', run: run(history.undo), preventDefault: true }, { key: 'Mod-y', run: run(history.redo), preventDefault: true },
          { key: 'Mod-Shift-z', run: run(history.redo), preventDefault: true }, indentWithTab, ...foldKeymap, ...defaultKeymap,
        ]),
        EditorView.updateListener.of((update) => { if (update.docChanged && !replacing) changed() }),
      ],
    }),
  })
  const position = (line: number, column: number) => {
    const at = view.state.doc.line(Math.max(1, Math.min(line, view.state.doc.lines)))
    return Math.min(at.from + column - 1, at.to)
  }
  return {
    text: () => view.state.doc.toString(),
    replace(next) {
      const now = view.state.doc.toString()
      if (now === next) return
      let from = 0
      while (from < now.length && from < next.length && now[from] === next[from]) from++
      let end = 0
      while (end < now.length - from && end < next.length - from && now[now.length - 1 - end] === next[next.length - 1 - end]) end++
      replacing = true
      view.dispatch({ changes: { from, to: now.length - end, insert: next.slice(from, next.length - end) } })
      replacing = false
    },
    mark(problems) {
      const found: Diagnostic[] = problems.map((p) => {
        const from = position(p.line, p.column)
        return { from, to: Math.max(from, view.state.doc.lineAt(from).to), severity: p.warning ? 'warning' : 'error', message: p.message + (p.fix ? `\n${p.fix}` : '') }
      })
      view.dispatch(setDiagnostics(view.state, found))
    },
    show(key, line) {
      const at = line ?? this.text().split('\n').findIndex((text) => new RegExp(`(^|[\\s{-])key:\\s*['"]?${key}['"]?\\s*([,}#]|$)`).test(text)) + 1
      if (at > 0) view.dispatch({ effects: EditorView.scrollIntoView(position(at, 1), { y: 'center' }) })
    },
    go(line, column) {
      view.dispatch({ selection: { anchor: position(line, column) }, scrollIntoView: true })
      view.focus()
    },
    close: () => view.destroy(),
  }
}
