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
import { readAssociations } from './associations.ts'
import { HubspotClient } from './client.ts'
import { create } from './create.ts'
import { describe } from './describe.ts'
import { history } from './history.ts'
import { BATCH } from './limits.ts'
import { merge } from './merge.ts'
import { find, list, readByIds } from './read.ts'
import { remove } from './remove.ts'
import { changes } from './search.ts'
import { task } from './task.ts'
import { update } from './update.ts'

/** Speaks to a HubSpot account. Each capability has its own file in this folder. */
export class HubspotConnector implements Connector {
  readonly kind = 'hubspot'
  readonly answersWithRecord = true
  readonly associationsApart = true
  readonly conditional = false
  /** Search shows changes late. */
  readonly overlapMs = 2 * 60_000
  readonly batch = BATCH
  readonly #client: HubspotClient
  /** Object -> the property with the time of its last change. */
  readonly #modified = new Map<string, string>()

  constructor({ baseUrl = 'https://api.hubapi.com', wire }: { baseUrl?: string; wire: Wire }) {
    this.#client = new HubspotClient({ baseUrl, wire })
  }

  account(): Promise<AccountInfo> {
    return account(this.#client)
  }

  users(): Promise<CrmUser[]> {
    return users(this.#client)
  }

  async describe(object: string): Promise<ObjectSchema> {
    const schema = await describe(this.#client, object)
    // Contacts tell their last change in `lastmodifieddate`, whatever else they have (HubSpot: search the CRM).
    const usual = schema.fields.hs_lastmodifieddate && object !== 'contacts'
    this.#modified.set(object, usual ? 'hs_lastmodifieddate' : 'lastmodifieddate')
    return schema
  }

  async changes([request]: ChangesRequest[]): Promise<ChangesPage[]> {
    return [await changes(this.#client, request!, this.#modified.get(request!.object) ?? 'hs_lastmodifieddate')]
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

  history(request: HistoryRequest): Promise<HistoryAnswer> {
    return history(this.#client, request)
  }

  create(request: CreateRequest): Promise<Outcome[]> {
    return create(this.#client, request)
  }

  update(request: UpdateRequest): Promise<Outcome[]> {
    return update(this.#client, request)
  }

  remove(request: RemoveRequest): Promise<Outcome[]> {
    return remove(this.#client, request)
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
