import type { Clock } from '../clock.ts'
import type { IdOrder } from '../id-order.ts'
import type { Journal } from '../journal.ts'
import { isoTime } from '../time.ts'
import type { Timeline } from '../timeline.ts'
import type { TypeDef } from './schema.ts'

/** What a portal holds: records, their history, people, and what happens to them. */

/** A record as the portal holds it. */
export interface Obj {
  id: string
  properties: Record<string, string | null>
  created: number
  updated: number
  archived: boolean
  archivedAt: number | null
  /** Ids that were merged into this one. */
  merged: string[]
  /** Earlier values, newest first, per property that changed after creation. */
  history: Record<string, HistoryEntry[]>
  source: Source
}

export interface HistoryEntry {
  value: string
  timestamp: string
  sourceType: string
  sourceId?: string
  sourceLabel?: string
  updatedByUserId?: number
}

/** Who writes: an app with its token, or a person in the portal. */
export interface Source {
  type: 'INTEGRATION' | 'CRM_UI' | 'AUTOMATION_PLATFORM' | 'MERGE_OBJECTS' | 'CALCULATED'
  id: string
  userId?: number
}

export interface Owner {
  id: string
  email: string
  firstName: string
  lastName: string
  userId: number
  active: boolean
}

/** Something that happened, for the webhooks. */
export interface PortalEvent {
  kind: 'creation' | 'deletion' | 'propertyChange' | 'merge' | 'associationChange' | 'restore'
  type: string
  id: string
  at: number
  source: Source
  property?: string
  value?: string | null
  merge?: { primary: string; merged: string[]; created: string; moved: number }
  association?: { toType: string; toId: string; removed: boolean; primary: boolean; typeId: number }
}

/**
 * The associations of a record: `type:id` of the other -> `${category}:${typeId}` of each. A Map: as an object with ids
 * for keys it would use up the engine's shapes of objects, and every other object in the process would get one of its own.
 */
export type Links = Map<string, string[]>

export interface Table {
  def: TypeDef
  objects: Map<string, Obj>
  /** unique property -> value -> id */
  unique: Map<string, Map<string, string>>
  order: IdOrder<Obj>
  touches: Timeline<Obj>
  /** State that search still shows while the index lags: id -> properties before, or null when new. */
  lagged: Map<string, { until: number; before: Obj | null }>
}

export interface PortalOptions {
  clock: Clock
  journal: Journal
  portalId?: number
  labels?: boolean
  timeZone?: string
  currency?: string
}

export const entryOf = (value: string | null, at: number, source: Source): HistoryEntry => ({
  value: value ?? '',
  timestamp: isoTime(at),
  sourceType: source.type,
  sourceId: source.type === 'CRM_UI' ? `userId:${source.userId}` : source.id,
  ...(source.userId !== undefined && { updatedByUserId: source.userId }),
})
