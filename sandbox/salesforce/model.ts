import type { Clock } from '../clock.ts'
import type { IdOrder } from '../id-order.ts'
import type { Journal } from '../journal.ts'
import type { Timeline } from '../timeline.ts'
import { makeId } from './ids.ts'
import type { FieldDef, ObjectDef } from './schema.ts'
import type { Wire } from './values.ts'

/** What an org holds: rows in tables, people, and an admin's rules. */

/** A row as the org holds it. Times are whole seconds, in milliseconds since the epoch. */
export interface Row {
  id: string
  created: number
  createdBy: string
  modified: number
  modifiedBy: string
  /** SystemModstamp: at or after `modified`. */
  stamp: number
  deleted: boolean
  /** It was deleted along with this row. */
  deletedWith?: string
  values: Record<string, Wire>
}

/** A rule of an admin that refuses a save: the org's validation rules. */
export interface ValidationRule {
  object: string
  field: string
  /** Refuse when the value equals this, */
  equals?: Wire
  /** or is above this number. */
  over?: number
  message: string
}

export interface Table {
  def: ObjectDef
  rows: Map<string, Row>
  order: IdOrder<Row>
  touches: Timeline<Row>
  /** External id field -> value -> row ids. */
  unique: Map<string, Map<string, string>>
  /** Reference field -> row it points at -> living rows; built for a field when it is first asked for. */
  children: Map<string, Map<string, Set<Row>>>
  /** What a create needs and gets, derived from the fields whenever an admin changes them. */
  required: FieldDef[]
  defaults: Record<string, Wire>
  nextId: number
}

export interface OrgOptions {
  clock: Clock
  journal: Journal
  orgId?: string
}

/** The integration user of a connected app, and the person whose token outsiders play with. */
export const INTEGRATION_USER = makeId('005', 1)
export const PERSON = makeId('005', 2)
