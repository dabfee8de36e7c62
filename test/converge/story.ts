import { sql } from 'kysely'
import { rows } from '../../store/database.ts'
import { EditRefused } from '../../sync/edit.ts'
import { type Crm, EDITED, type Kind } from './history.ts'
import type { Field, People, Row } from './people.ts'
import { inTx, type Stage } from './stage.ts'

/** What people did, as only they know it: the oracle judges by that. */

/** Somebody typed a value (null: cleared it) into a field that showed him another. */
export interface Edit {
  seq: number
  where: Crm | 'api'
  kind: Kind
  /** The row's id in that CRM; of an API edit the record's id. */
  id: string
  field: Field
  value: string | null
  saw: string | null
}

/** A row that somebody made. */
export interface Made {
  crm: Crm
  kind: Kind
  id: string
  key: string
  private: string
}

export interface Story {
  stage: Stage
  edits: Edit[]
  made: Made[]
  /** Rows that people deleted, restored, merged, moved; records that they deleted or decided about. */
  touched: {
    what: 'delete' | 'restore' | 'merge' | 'move' | 'api_delete' | 'decide' | 'undo'
    crm: Crm | 'api'
    id: string
    seq: number
  }[]
  happened: Map<string, number>
  /** A rule of an admin forbade numbers of employees for a while. */
  ruled: boolean
  /** Whether everything came to rest at the end. */
  rested: boolean
  /** What went wrong at once. */
  wrong: { promise: string; what: string }[]
}

/** A story that nobody has played in yet. */
export const newStory = (): Story => ({
  stage: undefined as unknown as Stage,
  edits: [],
  made: [],
  touched: [],
  happened: new Map(),
  ruled: false,
  rested: false,
  wrong: [],
})

/** Fields that people edit. */
export const EDITABLE: Record<Kind, readonly Field[]> = EDITED

export const count = (story: Story, name: string, n = 1) => void story.happened.set(name, (story.happened.get(name) ?? 0) + n)

/** Values that are typed: each of them once, and none part of another. */
export function typed(field: Field, n: number): string {
  const four = String(n).padStart(4, '0')
  if (field === 'phone') return `+1415555${four}`
  if (field === 'employees') return `7${four}7`
  if (field === 'amount') return `8${four}8`
  return `word${four}.`
}

export async function make(
  story: Story,
  people: Record<string, People>,
  crm: Crm,
  kind: Kind,
  next: () => number,
  parent?: string,
  key?: string,
): Promise<string | undefined> {
  const n = String(next()).padStart(4, '0')
  const own = key ?? { account: `a${n}.example.com`, contact: `c${n}@example.com`, deal: `Deal ${n}` }[kind]
  const id = await people[crm]!.create(kind, { key: own, parent, private: `private${n}` })
  if (id) story.made.push({ crm, kind, id, key: own, private: `private${n}` })
  return id
}

export const at = <T>(list: readonly T[], pick: number): T | undefined =>
  list.length === 0 ? undefined : list[pick % list.length]

export const fieldOf = ({ kind, field }: { kind: Kind; field: number }): Field => EDITED[kind][field % EDITED[kind].length]!

export const touch = (story: Story, what: Story['touched'][number]['what'], crm: Crm | 'api', id: string, next: () => number) =>
  void story.touched.push({ what, crm, id, seq: next() })

export const kindOf = (story: Story, id: string): Kind | undefined => story.made.find((m) => m.id === id)?.kind

/** A person types into a field that shows him something; a value that is refused was never typed. */
export async function type(
  story: Story,
  people: Record<string, People>,
  crm: Crm,
  kind: Kind,
  row: Row,
  field: Field,
  value: string | null,
  next: () => number,
): Promise<boolean> {
  // Nobody clears what is blank.
  if (value === null && (row.values[field] ?? null) === null) return false
  const ok = await people[crm]!.edit(kind, row.id, field, value)
  if (ok) story.edits.push({ seq: next(), where: crm, kind, id: row.id, field, value, saw: row.values[field] ?? null })
  return ok
}

/** Rows of both CRMs that people know to be the same thing: by what tells them apart. */
export async function pairs(stage: Stage, kind: Kind): Promise<{ salesforce: Row; hubspot: Row }[]> {
  const [left, right] = await Promise.all((['salesforce', 'hubspot'] as const).map((crm) => stage.people[crm]!.rows(kind)))
  return left!.flatMap((salesforce) => {
    const hubspot = right!.find((r) => r.key === salesforce.key)
    return hubspot ? [{ salesforce, hubspot }] : []
  })
}

export const living = (stage: Stage, kind: Kind) =>
  inTx(stage, (tx) =>
    rows(
      tx,
      sql<{
        id: string
        fields: Record<string, { v: unknown }>
      }>`select id, fields from record where entity = ${kind} and deleted_at is null order by id`,
    ),
  )

/** The canonical name of what people edit. */
export const canonical = (field: Field): string => (field === 'city' ? 'address.city' : field)

export const toCanonical = (field: Field, value: string) =>
  field === 'employees' ? Number(value) : field === 'amount' ? { amount: value, currency: 'USD' } : value

export const fromCanonical = (value: unknown): string | null => {
  if (value === null || value === undefined) return null
  if (typeof value === 'object' && 'amount' in value) return String(value.amount)
  return String(value)
}

/** Edits of a record through the API that it refuses are none. */
export async function allowed(work: Promise<unknown>): Promise<boolean> {
  try {
    return (await work) !== false
  } catch (error) {
    if (error instanceof EditRefused) return false
    throw error
  }
}
