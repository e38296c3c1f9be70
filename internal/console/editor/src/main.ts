import { mount } from 'svelte'
import './style/tokens.css'
import './style/base.css'
import './style/parts.css'
import './style/frames.css'
import './style/canvas.css'
import './style/drawer.css'
import './style/editor.css'
import './style/narrow.css'
import EditorPage from './EditorPage.svelte'
import NewFlow from './NewFlow.svelte'

const target = document.getElementById('editor')
if (target) {
  target.replaceChildren()
  const key = target.dataset.flow
  if (key) mount(EditorPage, { target, props: { key, may: target.dataset.may === 'true' } })
  else mount(NewFlow, { target, props: { taken: (target.dataset.taken ?? '').split(' ') } })
}
