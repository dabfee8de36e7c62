import type { ObjectSchema, RawRow } from '../../mappings/schema.ts'
import type {
  AccountInfo,
  AssociateRequest,
  ChangesPage,
  ChangesRequest,
  Connector,
  CreateRequest,
  CrmUser,
  FindRequest,
  HistoryAnswer,
  HistoryRequest,
  ListRequest,
  MergeRequest,
  Outcome,
  Page,
  ReadRequest,
  RemoveRequest,
  Snapshot,
  TaskRequest,
  UpdateRequest,
  Wire,
} from '../connector.ts'
import { account, users } from './account.ts'
import { associate } from './associate.ts'
import { changes } from './changes.ts'
import { SalesforceClient } from './client.ts'
import { describe } from './describe.ts'
import { history, trackedFields } from './history.ts'
import { BATCH } from './limits.ts'
import { merge } from './merge.ts'
import { find, list, readAssociations, readByIds } from './read.ts'
import { task } from './task.ts'
import { create, remove, restore, update } from './write.ts'

/** An admin seldom changes which fields are tracked. */
const TRACKED_FOR_MS = 3_600_000

/** Speaks to a Salesforce org. The capabilities have files of their own in this folder. */
export class SalesforceConnector implements Connector {
  readonly kind = 'salesforce'
  readonly answersWithRecord = false
  readonly associationsApart = false
  readonly conditional = true
  /** A transaction that commits late carries an older SystemModstamp. */
  readonly overlapMs = 5 * 60_000
  readonly batch = BATCH
  readonly #client: SalesforceClient
  /** Described objects: a write needs the types of their fields. */
  readonly #schemas = new Map<string, ObjectSchema>()
  /** Object -> the fields whose history is kept, and until when that is believed. */
  readonly #tracked = new Map<string, { fields: Set<string>; until: number }>()

  constructor({ instanceUrl, wire }: { instanceUrl: string; wire: Wire }) {
    this.#client = new SalesforceClient({ instanceUrl, wire })
  }

  account(): Promise<AccountInfo> {
    return account(this.#client, (object) => this.describe(object))
  }

  users(): Promise<CrmUser[]> {
    return users(this.#client)
  }

  async describe(object: string): Promise<ObjectSchema> {
    const schema = await describe(this.#client, object)
    this.#schemas.set(object, schema)
    return schema
  }

  changes(requests: ChangesRequest[]): Promise<ChangesPage[]> {
    return changes(this.#client, requests)
  }

  list(request: ListRequest): Promise<Page> {
    return list(this.#client, request)
  }

  readByIds(request: ReadRequest): Promise<Snapshot[]> {
    return readByIds(this.#client, request)
  }

  readAssociations(request: ReadRequest): Promise<Map<string, RawRow>> {
    return readAssociations(this.#client, request)
  }

  find(request: FindRequest): Promise<Snapshot[]> {
    return find(this.#client, request)
  }

  async history(request: HistoryRequest): Promise<HistoryAnswer> {
    const { object } = request
    let known = this.#tracked.get(object)
    if (!known || known.until < Date.now()) {
      known = { fields: await trackedFields(this.#client, object), until: Date.now() + TRACKED_FOR_MS }
      this.#tracked.set(object, known)
    }
    return history(this.#client, request, known.fields, this.#schemas.get(object))
  }

  create(request: CreateRequest): Promise<Outcome[]> {
    return create(this.#client, request, this.#schemas.get(request.object))
  }

  update(request: UpdateRequest): Promise<Outcome[]> {
    return update(this.#client, request, this.#schemas.get(request.object))
  }

  remove(request: RemoveRequest): Promise<Outcome[]> {
    return remove(this.#client, request)
  }

  restore(request: RemoveRequest): Promise<Outcome[]> {
    return restore(this.#client, request)
  }

  associate(request: AssociateRequest): Promise<Outcome[]> {
    return associate(this.#client, request)
  }

  merge(request: MergeRequest): Promise<void> {
    return merge(this.#client, request)
  }

  task(request: TaskRequest): Promise<string> {
    return task(this.#client, request)
  }
}
