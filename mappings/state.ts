import type { Entity } from './model/model.ts'
import type { Json, Value } from './model/value.ts'

/** The state of a sync, as plain data. Short keys: millions of these are stored as jsonb. */

/** When something happened: after the first instant, at or before the second (milliseconds). */
export type Interval = [after: number, at: number]

/** One field of a record. */
export interface FieldState {
  v: Value
  /** Version of the field: rises with each change, also when the value returns. */
  n: number
  /** Who changed it last: a connection id, `api`, or `person`. */
  o: string
  t: Interval
}

export type Fields = Record<string, FieldState>

/** What a record and an external record last agreed on. */
export interface BaseEntry {
  /** Canonical value. */
  c: Value
  /** The wire value, as the CRM held it. */
  r: Json
  /** Version of the record's field at that moment; another version means the hub changed. */
  n: number
}

export type Base = Record<string, BaseEntry>

export interface RecordRow {
  id: string
  entity: Entity
  fields: Fields
  version: number
  deleted: boolean
  /** Why a person must decide about it; null: nothing stops it. */
  frozen: string | null
  /** A person has said that its rows may be deleted as they are. */
  deleteApproved: boolean
  createdAt: number
}

/** `delete_or_edit`: deleted on one side, edited on another. `children`: deleted above rows that live on. `restored`: deleted, and a row came back. */
export type FrozenAs = 'delete_or_edit' | 'children' | 'restored'

/** Allowed states of a link. Transitions stand in docs/architecture.md. */
export const LINK_STATES = ['creating', 'live', 'outside', 'held', 'duplicate', 'withdrawn', 'converted', 'dead'] as const
export type LinkState = (typeof LINK_STATES)[number]

/** Whether a link is a row of its record, or is to be one: no row that is gone, nor that of a lead it came from. */
export const isOwnRow = ({ state }: { state: LinkState }): boolean => state !== 'dead' && state !== 'converted'

export interface LinkRow {
  id: string
  connectionId: string
  object: string
  entity: Entity
  externalId: string | null
  recordId: string | null
  state: LinkState
  base: Base
  rev: number
  seen: number
  wrote: number
  openWrite: number | null
}

/** A write whose outcome is not known, or that the CRM took and no read has shown yet. Settled ones have no state. */
export type OpenState = 'sent' | 'acknowledged'

/** One field of a write: what was meant, what was sent, what stood there before. */
export interface WriteField {
  /** Canonical value. */
  c: Value
  /** Wire value sent. */
  s: Json
  /** Wire value of the verify read. */
  b: Json
  /** Version of the record's field that is sent. */
  n: number
  /** It follows in a call of its own (Salesforce's contact roles) and is not known to have been sent. */
  later?: boolean
}

export type Outcome = 'landed' | 'not_landed' | 'unknown'

export interface WriteRow {
  id: number
  linkId: string
  recordId: string
  /** `restore`: a row that was deleted stands again, under its own id. */
  kind: 'create' | 'update' | 'delete' | 'restore'
  state: OpenState
  fields: Record<string, WriteField>
  readVersion: number
  readClock: number
  sentAt: number
  /** When it was acknowledged. */
  answeredAt: number | null
  /** What the CRM's history says of one that got no answer, where a read could not tell. */
  verdict: Outcome | 'asked' | null
}

/** One side of a conflict: the hub, or a link. */
export interface Side {
  /** `hub`, a connection id, or one followed by `overwritten`: a value that a write of ours replaced there unread. */
  side: string
  value: Value
  raw?: Json
  origin: string
  at: Interval
  /** Who set it, where the CRM's history tells: an e-mail address, or the name of an app. */
  by?: string
}

/** One change of a field, as the journal tells it. */
export interface Flip {
  /** A connection id, `api`, `person`. */
  origin: string
  from: Value
  to: Value
  /** Milliseconds of the database's clock. */
  at: number
}

/** `undone`: a write was taken back in one CRM, the others keep what they had. */
export type ConflictKind = 'edit' | 'overwritten' | 'uncertain' | 'oscillation' | 'undone'

export interface ConflictRow {
  id: string
  recordId: string
  field: string
  kind: ConflictKind
  base: Value | undefined
  sides: Side[]
  policy: string
  why: string
  rev: number
  /** The changes that led to it, where they are what it is about. */
  history?: Flip[] | null
}
