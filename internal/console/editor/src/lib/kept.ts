import { isMapping } from './pointer'
import type { Json, SampleValue } from './types'

/** Row is a path that is kept. */
export interface Row {
  path: string
  alias: string
}

/** rowsOf reads a list of paths; undefined if all is kept. */
export function rowsOf(value: Json | undefined): Row[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.map((row) => (isMapping(row) ? { path: String(row.path ?? ''), alias: String(row.alias ?? '') } : { path: String(row), alias: '' }))
}

/**
 * merge adds the values of a sample to the kept paths: those without further values below them, and without likely
 * secrets. Rows that exist stay, with their aliases.
 */
export function merge(rows: Row[] | undefined, found: SampleValue[]): Json {
  const kept = (rows ?? []).filter((row) => row.path !== 'path')
  const isLeaf = (v: SampleValue) => !found.some((other) => other.path.startsWith(v.path + '.') || other.path.startsWith(v.path + '['))
  for (const v of found) {
    if (!v.secret && isLeaf(v) && !kept.some((row) => row.path === v.path || v.path.startsWith(row.path + '.'))) kept.push({ path: v.path, alias: '' })
  }
  return kept.map((row) => (row.alias ? { path: row.path, alias: row.alias } : row.path))
}
