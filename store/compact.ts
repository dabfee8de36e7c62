import type { Json } from '../mappings/model/value.ts'
import type { Base, BaseEntry, FieldState, Fields, Interval, WriteField } from '../mappings/state.ts'

/**
 * How the state of fields is stored. There are millions of entries, and most of them say the same: the first version,
 * from where the record came, the wire value equal to the canonical one. What can be told from elsewhere is left out.
 */
type Stored<T> = Record<string, Partial<T>>

/** Where a record came from, and when: what fields hold that were not changed since. */
export interface Provenance {
  origin: string | null
  /** Milliseconds. */
  madeAt: number | null
}

export const provenanceOf = (fields: Fields): Provenance => {
  const [first] = Object.values(fields)
  return { origin: first?.o ?? null, madeAt: first?.t[1] ?? null }
}

export function storedFields(fields: Fields, { origin, madeAt }: Provenance): Stored<FieldState> {
  const out: Stored<FieldState> = {}
  for (const name in fields) {
    const f = fields[name]!
    const entry: Partial<FieldState> = { v: f.v }
    if (f.n !== 1) entry.n = f.n
    if (f.o !== origin) entry.o = f.o
    if (f.t[0] !== 0 || f.t[1] !== madeAt) entry.t = f.t
    out[name] = entry
  }
  return out
}

export function fieldsOf(stored: Stored<FieldState>, { origin, madeAt }: Provenance): Fields {
  const t: Interval = [0, madeAt ?? 0]
  const out: Fields = {}
  for (const name in stored) {
    const e = stored[name]!
    out[name] = { v: e.v ?? null, n: e.n ?? 1, o: e.o ?? origin ?? '', t: e.t ?? t }
  }
  return out
}

/** Only text, numbers, booleans and null: comparing more would cost more than it saves. */
const alike = (a: Json, b: Json) => a === b && (a === null || typeof a !== 'object')

export function storedBase(base: Base): Stored<BaseEntry> {
  const out: Stored<BaseEntry> = {}
  for (const name in base) {
    const b = base[name]!
    const entry: Partial<BaseEntry> = { c: b.c }
    if (!alike(b.c, b.r)) entry.r = b.r
    if (b.n !== 1) entry.n = b.n
    out[name] = entry
  }
  return out
}

export function baseOf(stored: Stored<BaseEntry>): Base {
  const out: Base = {}
  for (const name in stored) {
    const e = stored[name]!
    const c = e.c ?? null
    out[name] = { c, r: 'r' in e ? (e.r ?? null) : c, n: e.n ?? 1 }
  }
  return out
}

export function storedWrite(fields: Record<string, WriteField>): Stored<WriteField> {
  const out: Stored<WriteField> = {}
  for (const name in fields) {
    const f = fields[name]!
    const entry: Partial<WriteField> = { c: f.c }
    if (!alike(f.c, f.s)) entry.s = f.s
    if (f.b !== null) entry.b = f.b
    if (f.n !== 1) entry.n = f.n
    if (f.later) entry.later = true
    out[name] = entry
  }
  return out
}

export function writeOf(stored: Stored<WriteField>): Record<string, WriteField> {
  const out: Record<string, WriteField> = {}
  for (const name in stored) {
    const e = stored[name]!
    const c = e.c ?? null
    out[name] = { c, s: 's' in e ? (e.s ?? null) : c, b: e.b ?? null, n: e.n ?? 1, ...(e.later && { later: true }) }
  }
  return out
}
