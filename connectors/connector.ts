import type { Json } from '../mappings/model/value.ts'
import type { ObjectSchema, RawRow } from '../mappings/schema.ts'
import type { CrmError } from './errors.ts'

/**
 * What speaks to a CRM: small capabilities that compose. A connector never retries and never decides. A
 * thrown CrmError means the call failed as a whole; a batch gives one outcome per record, in input order.
 */
export interface Connector {
  readonly kind: 'salesforce' | 'hubspot'
  readonly batch: BatchSizes
  /** Whether a write's answer carries the record's new version and values. */
  readonly answersWithRecord: boolean
  /** Whether an update of a single row can be made to depend on nobody having changed it. */
  readonly conditional: boolean
  /** Lag of the fast reader behind the CRM's own state; decides the overlap of `changes`. */
  readonly overlapMs: number

  account(): Promise<AccountInfo>
  users(): Promise<CrmUser[]>
  describe(object: string): Promise<ObjectSchema>

  /** The fast reader: rows changed since a cursor, several objects in one call where the CRM can. */
  changes(requests: ChangesRequest[]): Promise<ChangesPage[]>
  /** The complete reader: every living row, in a stable order, resumable with `after`. */
  list(request: ListRequest): Promise<Page>
  /** Reads rows by id, deleted and merged ones included. Unknown ids are left out. */
  readByIds(request: ReadRequest): Promise<Snapshot[]>
  /** Association columns are not part of a row and are read apart (HubSpot). */
  readonly associationsApart: boolean
  /** Reads association columns of records, one call per associated object: id -> column -> ids. */
  readAssociations(request: ReadRequest): Promise<Map<string, RawRow>>
  /** Rows, deleted ones included, whose unique column has one of the values. */
  find(request: FindRequest): Promise<Snapshot[]>

  /** The recent history of columns, for rows of every state. */
  history(request: HistoryRequest): Promise<HistoryAnswer>

  create(request: CreateRequest): Promise<Outcome[]>
  update(request: UpdateRequest): Promise<Outcome[]>
  remove(request: RemoveRequest): Promise<Outcome[]>
  /** Takes deleted rows back under their own ids, where the CRM can. */
  restore?(request: RemoveRequest): Promise<Outcome[]>
  /** Sets association columns: the ids a record should point to, and those it pointed to before. */
  associate(request: AssociateRequest): Promise<Outcome[]>

  /** Merges one row into another. No CRM can take that back. */
  merge(request: MergeRequest): Promise<void>

  /** Puts a task on a row, for a person. Answers its id. */
  task(request: TaskRequest): Promise<string>
}

export interface BatchSizes {
  /** Rows of one page of `list`. */
  list: number
  readByIds: number
  associations: number
  find: number
  create: number
  update: number
  remove: number
  associate: number
  /** Objects of one `changes` call. */
  changes: number
  /** Rows of one `history` call. */
  history: number
}

/** Facts about the CRM account. */
export interface AccountInfo {
  id: string
  name: string
  timeZone: string
  currency: string
  currencies: string[]
  /** The user or app our writes are made by, as `Snapshot.modifiedBy` and histories name it. */
  ourselves: string
  /** Things an admin should know, e.g. another sync that is installed. */
  warnings: string[]
}

export interface CrmUser {
  id: string
  email: string
  name: string
  active: boolean
  /** What else they are called where changes are signed (HubSpot: `userId:` and the number of their log-in). */
  alias?: string
}

/** One row as it was read. */
export interface Snapshot {
  /** The id that was asked for; differs from `id` when the row was merged. */
  asked: string
  id: string
  /** Milliseconds: `updatedAt`, SystemModstamp. */
  version: number
  /** The CRM's clock when it answered, in milliseconds. */
  clock: number
  /** Who changed it last, where the CRM tells. */
  modifiedBy?: string | undefined
  deleted: boolean
  /** Asked for by id, and not answered: deleted for good, or hidden from the integration user. Only its id is known. */
  unseen?: boolean
  /** Set on a row that a merge in the CRM removed. */
  mergedInto?: string | undefined
  /** Ids that were merged into this row. */
  mergedFrom?: string[] | undefined
  /** Readable columns, wire values. Association columns hold arrays of ids. */
  row: RawRow
}

export interface Cursor {
  /** Milliseconds of the last version read. */
  version: number
  id: string
}

export interface ChangesRequest {
  object: string
  columns: string[]
  since: Cursor
}

export interface ChangesPage {
  object: string
  snapshots: Snapshot[]
  /** This object could not be asked; the others were. */
  error?: CrmError | undefined
  /** Where to go on; absent when everything up to now was read. */
  next?: Cursor | undefined
  /** Where the next poll begins, once everything was read; absent when there was nothing. */
  upTo?: Cursor | undefined
}

export interface ListRequest {
  object: string
  columns: string[]
  after?: string | undefined
}

export interface ReadRequest {
  object: string
  ids: string[]
  columns: string[]
  /** It looks after a write of ours, and is counted apart. */
  watch?: boolean
}

export interface FindRequest {
  object: string
  /** The column that is searched, and read as well. */
  column: string
  values: string[]
  columns: string[]
}

export interface HistoryRequest extends ReadRequest {
  /** Nothing older is needed, in milliseconds of the CRM's clock; a CRM may answer with more. */
  since: number
}

export interface HistoryAnswer {
  /** Columns of which the CRM keeps a history at all. */
  tracked: ReadonlySet<string>
  /** Id as it was asked for -> column -> its changes, newest first. A column that cannot be read just now is left out. */
  rows: Map<string, Map<string, HistoryEntry[]>>
}

/** One change of a column, as the CRM's own history tells it. */
export interface HistoryEntry {
  /** Wire value it was set to. */
  value: Json
  /** Wire value before, where the history says so. */
  from?: Json
  /** Milliseconds of the CRM's clock. */
  at: number
  /** Who: a user or an app, as `AccountInfo.ourselves` and `CrmUser` name them. */
  by: string
  /** By what means, in the CRM's own word; '' where it does not tell. */
  through: string
}

export interface Page {
  snapshots: Snapshot[]
  /** The CRM's clock when it answered, in milliseconds. */
  clock: number
  after?: string | undefined
}

/** A write is not sent after `sendBy`, in milliseconds of our clock. */
interface Timely {
  sendBy?: number | undefined
}

export interface CreateRequest extends Timely {
  object: string
  /** The external id field of the object. */
  externalId: string
  rows: CreateRow[]
}

export interface CreateRow {
  /** The Concordat record id, written into the external id field. */
  key: string
  row: RawRow
}

export interface UpdateRequest extends Timely {
  object: string
  rows: UpdateRow[]
}

export interface UpdateRow {
  id: string
  row: RawRow
  /**
   * Only if nobody has changed the row since this moment (milliseconds of the CRM's clock), where the CRM can tell; a
   * row that was changed is refused as `changed`.
   */
  unmodifiedSince?: number | undefined
}

export interface RemoveRequest extends Timely {
  object: string
  ids: string[]
}

export interface AssociationChange {
  id: string
  add: string[]
  remove: string[]
}

export interface AssociateRequest extends Timely {
  object: string
  column: string
  changes: AssociationChange[]
  /** The records were made a moment ago: what they point to need not be looked up. */
  fresh?: boolean
}

export interface MergeRequest extends Timely {
  object: string
  /** The row that stays, and the one that goes. */
  keep: string
  merge: string
}

export interface TaskRequest {
  /** The row that it is put on. */
  object: string
  id: string
  subject: string
  body: string
  /** Whose it is, by the CRM's id. */
  owner?: string | undefined
  /** Milliseconds. */
  due: number
}

export type Outcome = { ok: true; id: string; created?: boolean; snapshot?: Snapshot } | { ok: false; error: CrmError }

/** An answer's body, and the CRM's clock when it answered, in milliseconds. */
export interface Reply<T> {
  body: T
  clock: number
}

/** How a connector reaches the network: everything goes through `call`, which budgets and retries. */
export interface Wire {
  token(): Promise<string>
  call<T>(operation: Operation, run: () => Promise<T>): Promise<T>
  /** Headers of every answer, for the budget. */
  note(headers: Record<string, string>): void
}

export interface Operation {
  /** `watch`: looks after our own writes, and is counted apart. */
  kind: 'read' | 'search' | 'write' | 'association_read' | 'association_write' | 'watch' | 'meta' | 'token'
  what: string
  /** Not sent after this moment (milliseconds of our clock): what it was decided on is too old by then. */
  sendBy?: number | undefined
}

/** Whether a call changes something in the CRM. */
export const isWrite = ({ kind }: Operation): boolean => kind === 'write' || kind === 'association_write'

/** Splits a list into pieces of at most `size`. */
export function chunks<T>(list: readonly T[], size: number): T[][] {
  const pieces: T[][] = []
  for (let i = 0; i < list.length; i += size) pieces.push(list.slice(i, i + size))
  return pieces
}
