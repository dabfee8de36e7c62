import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import { isBlank, type Value } from '../../mappings/model/value.ts'
import type { FieldState } from '../../mappings/state.ts'
import type { Planned, Target } from '../push/work.ts'
import { namesOf, type Runtime } from '../runtime.ts'

/** What a run would do to one row of a CRM, as people and machines read it. */
export interface Action {
  /** The same for the same thing to do, in every plan. */
  id: string
  connection: string
  entity: string
  object: string
  /** null: the row is made. */
  externalId: string | null
  recordId: string
  name: string | null
  kind: 'create' | 'update' | 'clear' | 'delete' | 'associate' | 'dissociate'
  /** Canonical values, by field. */
  fields: Record<string, { before: Value; after: Value }>
  reason: string
  /** It waits for a person's approval. */
  held?: string
}

type Kind = Action['kind']

const header = (rt: Runtime, mapping: CompiledMapping, { record, link }: Target, kind: Kind) => ({
  id: `${rt.name}:${record.id}:${kind}`,
  connection: rt.name,
  entity: mapping.entity,
  object: mapping.object,
  externalId: link.state === 'creating' ? null : link.externalId,
  recordId: record.id,
  name: nameOf(record.fields),
  kind,
})

const nameOf = (fields: Record<string, FieldState>): string | null => {
  const text = (name: string) => (typeof fields[name]?.v === 'string' ? (fields[name].v as string) : '')
  return text('name') || `${text('firstName')} ${text('lastName')}`.trim() || text('dealName') || null
}

/** A new row, with all its values and what it points at. */
export const createAction = (rt: Runtime, mapping: CompiledMapping, p: Planned, all: readonly Runtime[]): Action => ({
  ...header(rt, mapping, p, 'create'),
  fields: Object.fromEntries(Object.entries(p.fields).map(([name, f]) => [name, { before: null, after: f.c }])),
  reason: `${rt.name} has no row of it; it is known from ${origins(Object.keys(p.fields), p, all)}`,
})

/** Changes of a row: what is set, what is cleared, what it points at. */
export function updateActions(rt: Runtime, mapping: CompiledMapping, p: Planned, all: readonly Runtime[]): Action[] {
  const kinds = Map.groupBy(Object.entries(p.fields), ([name, f]): Kind => {
    const points = isAssociationColumn(mapping.byName.get(name)!.column)
    if (isBlank(f.c)) return points ? 'dissociate' : 'clear'
    return points ? 'associate' : 'update'
  })
  return [...kinds].map(([kind, fields]) => ({
    ...header(rt, mapping, p, kind),
    fields: Object.fromEntries(fields.map(([name, f]) => [name, { before: p.link.base[name]?.c ?? null, after: f.c }])),
    reason: `changed in ${origins(
      fields.map(([name]) => name),
      p,
      all,
    )}`,
  }))
}

export const deleteAction = (rt: Runtime, mapping: CompiledMapping, t: Target): Action => ({
  ...header(rt, mapping, t, 'delete'),
  fields: Object.fromEntries(
    mapping.fields.flatMap((f) => {
      const before = t.link.base[f.name]?.c ?? null
      return f.writes && !isBlank(before) ? [[f.name, { before, after: null }]] : []
    }),
  ),
  reason: 'its record was deleted',
})

/** Where the values of these fields come from, by name. */
function origins(fields: string[], { record }: Target, all: readonly Runtime[]): string {
  const named = namesOf(all)
  const found = new Set(fields.flatMap((name) => record.fields[name]?.o ?? []).map((o) => named(o)[0] ?? o))
  return (
    [...found].map((o) => (o === 'api' ? 'the API' : o === 'person' ? 'Concordat, by a person' : o)).join(' and ') || 'nowhere'
  )
}
