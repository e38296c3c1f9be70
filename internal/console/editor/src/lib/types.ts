// The answers of the admin API that the editor uses; docs/openapi.json describes them.

export interface Draft {
  flow: string
  base?: number
  revision: number
  text: string
  operation?: string
  author: string
  saved: string
  undo?: number
  redo?: number
  url?: string
}

export interface Problem {
  line: number
  column: number
  node?: string
  pointer?: string
  message: string
  fix?: string
  warning?: boolean
}

export interface Card {
  pointer: string
  key: string
  kind: string
  title?: string
  known: boolean
  brief?: string
  loops?: boolean
  forks?: boolean
  ends?: boolean
  stops?: boolean
  branches?: Lane[]
}

export interface Lane {
  name: string
  title: string
  pointer: string
  present?: boolean
  named?: boolean
  catches?: boolean
  goes?: boolean
  steps: Card[]
}

export interface Drawing {
  key: string
  title?: string
  description?: string
  mode: string
  trigger: string
  called: boolean
  steps: Card[]
  onFailure: Card[]
  truncated?: boolean
}

export interface Checked {
  draft: Draft
  problems: Problem[]
  value?: Json
  outline?: Drawing
}

export interface Edited extends Checked {
  broke: Problem[]
}

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

export type Mapping = { [name: string]: Json }

export interface Operation {
  op: 'set' | 'remove' | 'insert' | 'move' | 'copy' | 'rename'
  pointer: string
  value?: Json
  text?: string
  to?: string
  index?: number
  key?: string
}

export interface FormField {
  name: string
  help?: string
  role: 'literal' | 'template' | 'expression'
  widget: string
  required?: boolean
  choices?: string[]
  default?: Json
  single?: boolean
  of?: FormField
  fields?: FormField[]
}

export interface KindForm {
  kind: string
  group?: string
  summary: string
  result?: string
  failures?: string
  fields: FormField[]
  branches?: string[]
  named?: boolean
  effect?: boolean
  timeout?: string
  attempts?: number
  answers?: boolean
  example: string
}

export interface Preset {
  name: string
  title: string
  takesSecrets: boolean
  dedupe: boolean
  setup?: string[]
}

export interface Kinds {
  kinds: KindForm[]
  triggers: KindForm[]
  node: FormField[]
  options: FormField[]
  presets: Preset[]
}

export interface Flow {
  key: string
  title: string
  mode?: string
  trigger?: string
  version?: number
  enabled: boolean
  url?: string
  note?: string
  latest?: number
  managed?: string
}

export interface Proposal {
  name: string
  sort: string
  title?: string
  type?: string
  help?: string
  hidden?: string
}

export interface Completion {
  from: number
  to: number
  proposals: Proposal[]
  about?: Proposal & { from: number; to: number }
}

export interface Name {
  text: string
  title: string
  node?: string
  type?: string
  help?: string
  hidden?: string
}

export interface NameGroup {
  name: string
  names: Name[]
}

export interface NameList {
  groups: NameGroup[]
  secretsSet: string[]
}

export interface SampleValue {
  path: string
  type: string
  example: string
  secret?: boolean
}

export interface Sample {
  form: string
  method?: string
  query: SampleValue[]
  body: SampleValue[]
  headers: string[]
  preset?: string
  dedupe?: string
  content?: Json
  notes?: string[]
}

export interface Change {
  kind: string
  node?: string
  pointer?: string
  from?: string
  to?: string
  before?: Json
  after?: Json
  text: string
}

export interface Applied {
  key: string
  version: number
  created: boolean
  enabled: boolean
  changes: Change[]
  warnings?: Problem[]
}

/** Called is the answer to a call of a flow's own URL. */
export interface Called {
  status: number
  headers: { name: string; value: string }[]
  body: string
  milliseconds: number
  run?: string
}
