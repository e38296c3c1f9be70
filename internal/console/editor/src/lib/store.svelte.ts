import { Away, Refused, call, newKey } from './api'
import { at, listOf, pointer, walk, type Path } from './pointer'
import type { Applied, Card, Checked, Edited, Flow, Json, KindForm, Kinds, Operation, Problem } from './types'

/** Saving says whether the server has all changes. */
export type Saving =
  | { state: 'saved' }
  | { state: 'saving' }
  | { state: 'failed'; why: string }
  | { state: 'signed-out' }
  | { state: 'conflict'; theirs: Checked }

/** Job is one change. It makes its operations when its turn comes, from the text as it is then. */
interface Job {
  label: string
  key: string
  make: () => Operation[]
  done: (edited: Edited) => void
}

/** The trigger as a place; steps are named by their keys, because pointers change. */
export const trigger = '#trigger'

/**
 * Editor is the draft of one flow in this page. The text on the server is the only document: each change is sent as an
 * operation, one after the other, and the answer replaces all that is shown. A change that could not be sent stays at
 * the head of the queue until it could.
 */
export class Editor {
  checked = $state.raw<Checked>() as Checked
  /** The last outline and value that could be read. */
  outline = $state.raw<Checked['outline']>()
  value = $state.raw<Json | undefined>()
  flow = $state.raw<Flow | undefined>()
  saving = $state.raw<Saving>({ state: 'saved' })
  chosen = $state('')
  /** The card that is the tab stop of the canvas. */
  focus = $state('#trigger')
  folded = $state.raw<ReadonlySet<string>>(new Set())
  /** What the last change broke, for the person who made it. */
  broke = $state.raw<Problem[]>([])
  refusal = $state('')
  text = $state(false)

  readonly #cards = $derived.by(() => {
    const cards = new Map<string, Card>()
    walk(this.outline, (card) => cards.set(card.key, card))
    return cards
  })
  readonly #queue: Job[] = []
  #running = false
  #etag = ''

  constructor(
    readonly key: string,
    readonly kinds: Kinds,
    first: Checked,
    flow: Flow | undefined,
  ) {
    this.flow = flow
    this.#take(first)
  }

  get revision() { return this.checked.draft.revision }
  get broken() { return !this.checked.outline }
  get errors() { return this.checked.problems.filter((p) => !p.warning) }
  get pending() { return this.#queue.length > 0 }

  card(key: string): Card | undefined { return this.#cards.get(key) }
  kind(name: string): KindForm | undefined { return this.kinds.kinds.find((k) => k.kind === name) }
  problems(key: string): Problem[] { return this.checked.problems.filter((p) => p.node === key) }

  /** base is the pointer of the trigger or of a step; undefined if the step is gone. */
  base(place: string): string | undefined { return place === trigger ? '/trigger' : place === '' ? '' : this.card(place)?.pointer }

  /** get is a value of the trigger, of a step, or of the flow itself. */
  get(place: string, path: Path): Json | undefined {
    const base = this.base(place)
    return base === undefined ? undefined : at(this.value, pointer(base, path))
  }

  problemAt(place: string, path: Path): Problem | undefined {
    const base = this.base(place)
    if (base === undefined) return undefined
    const here = pointer(base, path)
    return this.checked.problems.find((p) => p.pointer === here || p.pointer?.startsWith(here + '/'))
  }

  /** set sets or, with undefined, removes a value. */
  set(place: string, path: Path, value: Json | undefined, label = ''): Promise<Edited | undefined> {
    return this.edit(label || `${value === undefined ? 'remove' : 'set'} ${path.at(-1)}`, () => {
      const base = this.base(place)
      if (base === undefined) return []
      const here = pointer(base, path)
      if (value !== undefined) return [{ op: 'set', pointer: here, value }]
      return this.get(place, path) === undefined ? [] : [{ op: 'remove', pointer: here }]
    })
  }

  /** edit queues a change. The promise gives the answer, or nothing if there was nothing to do or it was refused. */
  edit(label: string, make: () => Operation[]): Promise<Edited | undefined> {
    return new Promise((resolve) => {
      this.#queue.push({ label, key: newKey(), make, done: resolve })
      void this.run()
    })
  }

  /** run sends what is queued. */
  async run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      for (let job = this.#queue[0]; job; job = this.#queue[0]) {
        const operations = job.make()
        let edited: Edited | undefined
        if (operations.length > 0) {
          this.saving = { state: 'saving' }
          edited = (await this.#send<Edited>('POST', '/edit', { operations, label: job.label }, job.key)).body
          this.#take(edited)
          this.broke = edited.broke
        }
        this.refusal = ''
        this.#queue.shift()
        job.done(edited as Edited)
      }
      this.saving = { state: 'saved' }
    } catch (error) {
      await this.#failed(error)
    } finally {
      this.#running = false
    }
  }

  async #failed(error: unknown) {
    if (error instanceof Refused && error.status === 401) this.saving = { state: 'signed-out' }
    else if (error instanceof Refused && error.status === 412) {
      try {
        this.saving = { state: 'conflict', theirs: (await call<Checked>('GET', this.path('/check'))).body }
      } catch {
        this.saving = { state: 'failed', why: 'The draft was changed or published elsewhere.' }
      }
    } else if (error instanceof Refused && error.status < 500 && error.status !== 429) {
      // The change itself is not possible: it is dropped, and said.
      const job = this.#queue.shift()
      this.refusal = `${job?.label ?? 'Not possible'}: ${error.message}`
      job?.done(undefined as unknown as Edited)
      this.saving = { state: 'saved' }
      if (this.#queue.length > 0) queueMicrotask(() => this.run())
    } else {
      this.saving = { state: 'failed', why: error instanceof Error ? error.message : String(error) }
      if (error instanceof Away) setTimeout(() => this.saving.state === 'failed' && this.run(), 3000)
    }
  }

  /** keepMine goes on with the own changes on the text of the other person; takeTheirs drops them. */
  keepMine() {
    if (this.saving.state !== 'conflict') return
    this.#take(this.saving.theirs)
    this.saving = { state: 'saving' }
    for (const job of this.#queue) job.key = newKey()
    void this.run()
  }
  takeTheirs() {
    if (this.saving.state !== 'conflict') return
    this.#take(this.saving.theirs)
    for (const job of this.#queue.splice(0)) job.done(undefined as unknown as Edited)
    this.saving = { state: 'saved' }
  }

  /** write replaces the whole text, as a person types it. */
  write(text: string): Promise<boolean> {
    return this.#whole(() => this.#send('PUT', '', { text, typing: true, operation: 'edit the text' }, newKey()))
  }
  undo() { return this.#whole(() => this.#send('POST', '/undo', undefined, newKey())) }
  redo() { return this.#whole(() => this.#send('POST', '/redo', undefined, newKey())) }

  async #whole(send: () => Promise<unknown>): Promise<boolean> {
    await this.run()
    if (this.pending || this.#running) return false
    this.#running = true
    try {
      this.saving = { state: 'saving' }
      await send()
      this.#take((await call<Checked>('GET', this.path('/check'))).body)
      this.saving = { state: 'saved' }
      return true
    } catch (error) {
      if (error instanceof Refused && error.status === 404) this.saving = { state: 'saved' }
      else await this.#failed(error)
      return false
    } finally {
      this.#running = false
    }
  }

  async publish(note: string, dryRun: boolean): Promise<Applied> {
    await this.run()
    const { body } = await this.#send<Applied>('POST', '/publish', { note, dryRun }, newKey())
    return body
  }

  path(rest: string) { return `/flows/${encodeURIComponent(this.key)}/draft${rest}` }

  #send<T>(method: string, rest: string, body: unknown, key: string) {
    return call<T>(method, this.path(rest), { body, etag: this.#etag, key })
  }

  #take(checked: Checked) {
    this.checked = checked
    this.#etag = `"${checked.draft.revision}"`
    if (checked.outline) {
      this.outline = checked.outline
      this.value = checked.value
      if (this.chosen && this.chosen !== trigger && !this.card(this.chosen)) this.chosen = ''
    }
  }

  /** insert puts a new step into a list and chooses it. */
  async insert(list: string, index: number, text: string, label: string) {
    const before = new Set(this.#cards.keys())
    if (!(await this.edit(label, () => [{ op: 'insert', pointer: list, text, index }]))) return
    walk(this.outline, (card) => {
      const at = listOf(card.pointer)
      if (!before.has(card.key) && at.list === list && at.index === index) this.chosen = card.key
    })
  }

  /** breaks says which errors operations would bring. */
  async breaks(operations: Operation[]): Promise<Problem[]> {
    await this.run()
    return (await this.#send<Edited>('POST', '/edit', { operations, dryRun: true }, newKey())).body.broke
  }

  fold(key: string) {
    const folded = new Set(this.folded)
    if (!folded.delete(key)) folded.add(key)
    this.folded = folded
  }
}

/** open reads the draft of a flow, or begins one from the version that is live. */
export async function open(key: string): Promise<Editor> {
  const path = `/flows/${encodeURIComponent(key)}`
  const flow = call<Flow>('GET', path).then(({ body }) => body, missing)
  const kinds = call<Kinds>('GET', '/kinds')
  let checked = await call<Checked>('GET', `${path}/draft/check`).then(({ body }) => body, missing)
  const live = await flow
  if (!checked) {
    if (!live) throw new Refused(404, `There is no flow ${key}.`)
    const { body: text } = await call<string>('GET', `${path}/export`)
    const base = live.version || live.latest
    await call('PUT', `${path}/draft`, { body: { text, base, operation: `begin from version ${base}` }, key: newKey() })
    checked = (await call<Checked>('GET', `${path}/draft/check`)).body
  }
  return new Editor(key, (await kinds).body, checked, live)
}

function missing(error: unknown): undefined {
  if (error instanceof Refused && error.status === 404) return undefined
  throw error
}
