import type { Entity } from './model/model.ts'
import type { ObjectSchema } from './schema.ts'

/** What the lens must know of a connection. All of it is data read before; the lens does no I/O. */
export interface LensContext {
  /** IANA zone in which the CRM shows date-times as dates, e.g. Pacific/Honolulu. */
  timeZone: string
  /** The currency of amounts without one. */
  currency: string
  /** Currencies that may be written; empty: only `currency`. */
  currencies: ReadonlySet<string>
  /** Country assumed for phone numbers and states of records without one. */
  country?: string | undefined
  users: UserDirectory
  references: ReferenceResolver
  schema: ObjectSchema
}

export interface UserDirectory {
  /** E-mail of a CRM user id; undefined when unknown (a queue, a user we cannot see). */
  emailOf(id: string): string | undefined
  /** The CRM user of an e-mail address, after the override table. */
  userOf(email: string): { id: string; active: boolean } | undefined
  /** User id to write when the matching user is inactive or missing. */
  fallback?: string | undefined
}

export interface ReferenceResolver {
  /** The record that an external id of one of the entities is linked to on this connection. */
  recordOf(externalId: string, entities: readonly Entity[]): string | undefined
  /** The external id, on this connection, of a record. */
  externalOf(recordId: string): string | undefined
}
