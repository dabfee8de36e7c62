import { Connection, type HttpRequest, type HttpResponse } from 'jsforce'
import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import type { ObjectSchema, RawRow } from '../../mappings/schema.ts'
import {
  type AccountInfo,
  type AssociateRequest,
  type BatchSizes,
  type ChangesPage,
  type ChangesRequest,
  type Connector,
  type CreateRow,
  type CrmUser,
  type Cursor,
  chunks,
  type ListRequest,
  type Operation,
  type Outcome,
  type Page,
  type ReadRequest,
  type Snapshot,
  type UpdateRow,
  type Wire,
} from '../connector.ts'
import { CrmError } from '../errors.ts'
import { describeAnswer, toObjectSchema } from './describe.ts'
import { classify, fromThrown, type SalesforceErrorEntry } from './errors.ts'
import { PlainTransport } from './transport.ts'
import { CHILDREN, encodeRow, queryAnswer, quote, selectList, toSnapshot } from './wire.ts'

/** The one API version that is spoken. */
export const API_VERSION = '60.0'
/** Salesforce may work on a request for ten minutes; this is how long an answer is waited for. */
const TIMEOUT_MS = 120_000
/** Our name in Sforce-Call-Options; change events carry it as `changeOrigin`. */
const CLIENT = 'concordat'

const saveResults = z.array(
  z.looseObject({
    id: z.string().optional(),
    success: z.boolean(),
    created: z.boolean().optional(),
    errors: z.array(z.looseObject({ message: z.string(), statusCode: z.string().optional() })).default([]),
  }),
)

interface Reply<T> {
  body: T
  clock: number
}

export class SalesforceConnector implements Connector {
  readonly kind = 'salesforce'
  readonly answersWithRecord = false
  readonly associationsApart = false
  /** A transaction that commits late carries an older SystemModstamp. */
  readonly overlapMs = 5 * 60_000
  readonly batch: BatchSizes = {
    list: 2000,
    readByIds: 500,
    associations: 2000,
    find: 200,
    create: 200,
    update: 200,
    remove: 200,
    associate: 200,
    changes: 5,
  }
  readonly #connection: Connection
  readonly #wire: Wire
  readonly #schemas = new Map<string, ObjectSchema>()

  constructor({ instanceUrl, wire }: { instanceUrl: string; wire: Wire }) {
    this.#wire = wire
    this.#connection = new Connection({ instanceUrl, version: API_VERSION, callOptions: { client: CLIENT } })
  }

  async account(): Promise<AccountInfo> {
    const user = await this.#request(
      { kind: 'meta', idempotent: true, what: 'user info' },
      { method: 'GET', url: '/services/oauth2/userinfo' },
      z.looseObject({ user_id: z.string(), organization_id: z.string() }),
    )
    const org = await this.#query('meta', 'SELECT Id, Name, TimeZoneSidKey FROM Organization LIMIT 1')
    const info = org.body.records[0] as { Name?: string; TimeZoneSidKey?: string; DefaultCurrencyIsoCode?: string } | undefined
    const schema = await this.describe('Account')
    const multi = schema.fields.CurrencyIsoCode
    const currencies = multi?.options?.filter((o) => o.active).map((o) => o.value) ?? []
    return {
      id: user.body.organization_id,
      name: info?.Name ?? 'Salesforce',
      timeZone: info?.TimeZoneSidKey ?? 'UTC',
      currency: currencies[0] ?? 'USD',
      currencies,
      ourselves: user.body.user_id,
      warnings: [],
    }
  }

  async users(): Promise<CrmUser[]> {
    const found: CrmUser[] = []
    let after = ''
    do {
      const page = await this.#query(
        'meta',
        `SELECT Id, Name, Email, IsActive FROM User WHERE Id > ${quote(after || '000000000000000')} ORDER BY Id LIMIT 2000`,
      )
      const rows = page.body.records as {
        Id: string
        Name: string
        Email: string | null
        IsActive: boolean
      }[]
      for (const u of rows) if (u.Email) found.push({ id: u.Id, email: u.Email, name: u.Name, active: u.IsActive })
      after = rows.length === 2000 ? rows.at(-1)!.Id : ''
    } while (after)
    return found
  }

  async describe(object: string): Promise<ObjectSchema> {
    const { body } = await this.#request(
      { kind: 'meta', idempotent: true, what: `describe ${object}` },
      { method: 'GET', url: `/sobjects/${object}/describe` },
      describeAnswer,
    )
    const schema = toObjectSchema(body, Object.keys(CHILDREN[object] ?? {}))
    this.#schemas.set(object, schema)
    return schema
  }

  /** Up to five objects are polled in one composite call. Deleted rows come along (queryAll). */
  async changes(requests: ChangesRequest[]): Promise<ChangesPage[]> {
    const LIMIT = 2000
    const compositeRequest = requests.map(({ object, columns, since }, i) => {
      const at = new Date(since.version).toISOString()
      const after = since.id ? ` AND (SystemModstamp > ${at} OR Id > ${quote(since.id)})` : ''
      const soql = `SELECT ${selectList(object, columns)} FROM ${object} WHERE SystemModstamp >= ${at}${after} ORDER BY SystemModstamp, Id LIMIT ${LIMIT}`
      return {
        method: 'GET',
        url: `/services/data/v${API_VERSION}/queryAll?q=${encodeURIComponent(soql)}`,
        referenceId: `q${i}`,
      }
    })
    const { body, clock } = await this.#request(
      { kind: 'read', idempotent: true, what: `changes of ${requests.map((r) => r.object).join(', ')}` },
      { method: 'POST', url: '/composite', body: JSON.stringify({ allOrNone: false, compositeRequest }) },
      z.object({ compositeResponse: z.array(z.object({ httpStatusCode: z.number(), body: z.unknown() })) }),
    )
    return body.compositeResponse.map((part, i) => {
      const request = requests[i]!
      if (part.httpStatusCode >= 400) throw classify((part.body as SalesforceErrorEntry[])[0]!, part.httpStatusCode)
      const snapshots = queryAnswer.parse(part.body).records.map((r) => toSnapshot(request.object, r, request.columns, clock))
      const last = snapshots.at(-1)
      return {
        object: request.object,
        snapshots,
        ...(last && { [snapshots.length === LIMIT ? 'next' : 'upTo']: cursorAt(last, clock, snapshots.length === LIMIT) }),
      }
    })
  }

  async list({ object, columns, after }: ListRequest): Promise<Page> {
    const where = after ? ` WHERE Id > ${quote(after)}` : ''
    const { body, clock } = await this.#query(
      'read',
      `SELECT ${selectList(object, columns)} FROM ${object}${where} ORDER BY Id LIMIT ${this.batch.list}`,
    )
    const snapshots = body.records.map((r) => toSnapshot(object, r, columns, clock))
    return { snapshots, ...(snapshots.length === this.batch.list && { after: snapshots.at(-1)!.id }) }
  }

  async readByIds({ object, ids, columns }: ReadRequest): Promise<Snapshot[]> {
    if (ids.length === 0) return []
    const { body, clock } = await this.#query(
      'read',
      `SELECT ${selectList(object, columns)} FROM ${object} WHERE Id IN (${ids.map(quote).join(',')})`,
      true,
    )
    return body.records.map((r) => toSnapshot(object, r, columns, clock))
  }

  /** Child rows come with their record: a read by ids of these columns. */
  async readAssociations({
    object,
    ids,
    columns,
  }: {
    object: string
    ids: string[]
    columns: string[]
  }): Promise<Map<string, RawRow>> {
    const snapshots = await this.readByIds({ object, ids, columns })
    return new Map(snapshots.map((s) => [s.id, s.row]))
  }

  async find({
    object,
    column,
    values,
    columns,
  }: {
    object: string
    column: string
    values: string[]
    columns: string[]
  }): Promise<Snapshot[]> {
    const { body, clock } = await this.#query(
      'search',
      `SELECT ${selectList(object, [...columns, column])} FROM ${object} WHERE ${column} IN (${values.map(quote).join(',')}) LIMIT 2000`,
    )
    return body.records.map((r) => toSnapshot(object, r, [...columns, column], clock))
  }

  /** Upserts on the external id: a repeat of the same create updates the row that it made. */
  async create({ object, externalId, rows }: { object: string; externalId: string; rows: CreateRow[] }): Promise<Outcome[]> {
    const schema = this.#schemas.get(object)
    const records = rows.map(({ key, row }) => ({
      attributes: { type: object },
      [externalId]: key,
      ...encodeRow(schema, row),
    }))
    return this.#save(
      { kind: 'write', idempotent: true, what: `create ${rows.length} ${object}` },
      'PATCH',
      `/composite/sobjects/${object}/${externalId}`,
      records,
    )
  }

  async update({ object, rows }: { object: string; rows: UpdateRow[] }): Promise<Outcome[]> {
    const schema = this.#schemas.get(object)
    const records = rows.map(({ id, row }) => ({
      attributes: { type: object },
      id,
      ...encodeRow(schema, row),
    }))
    return this.#save(
      { kind: 'write', idempotent: false, what: `update ${rows.length} ${object}` },
      'PATCH',
      '/composite/sobjects',
      records,
    )
  }

  async remove({ ids, object }: { object: string; ids: string[] }): Promise<Outcome[]> {
    const { body } = await this.#request(
      { kind: 'write', idempotent: false, what: `delete ${ids.length} ${object}` },
      { method: 'DELETE', url: `/composite/sobjects?ids=${ids.join(',')}&allOrNone=false` },
      saveResults,
    )
    return body.map(toOutcome)
  }

  /** The primary contact of an opportunity is a contact role: found, then made or switched. */
  async associate({ object, column, changes, fresh }: AssociateRequest): Promise<Outcome[]> {
    if (object !== 'Opportunity' || column !== '@OpportunityContactRole#primary')
      throw new CrmError('unknown_field', `${object} has no association ${column} that can be written`, {
        fields: [column],
      })
    const present = fresh ? [] : await this.#rolesOf(changes.map((c) => c.id))
    const creates: { at: number; record: Record<string, Json> }[] = []
    const updates: { at: number; record: Record<string, Json> }[] = []
    changes.forEach(({ id, add, remove }, at) => {
      for (const contact of remove) {
        const role = present.find((r) => r.OpportunityId === id && r.ContactId === contact && r.IsPrimary)
        if (role) updates.push({ at, record: { id: role.Id, IsPrimary: false } })
      }
      for (const contact of add) {
        const role = present.find((r) => r.OpportunityId === id && r.ContactId === contact)
        if (role) updates.push({ at, record: { id: role.Id, IsPrimary: true } })
        else creates.push({ at, record: { OpportunityId: id, ContactId: contact, IsPrimary: true } })
      }
    })
    const outcomes: Outcome[] = changes.map((c) => ({ ok: true, id: c.id }))
    for (const [method, work] of [
      ['PATCH', updates],
      ['POST', creates],
    ] as const) {
      for (let i = 0; i < work.length; i += this.batch.associate) {
        const piece = work.slice(i, i + this.batch.associate)
        const results = await this.#save(
          {
            kind: 'association_write',
            idempotent: false,
            what: `contact roles of ${piece.length} opportunities`,
          },
          method,
          '/composite/sobjects',
          piece.map((p) => ({ attributes: { type: 'OpportunityContactRole' }, ...p.record })),
        )
        results.forEach((r, n) => {
          if (!r.ok) outcomes[piece[n]!.at] = r
        })
      }
    }
    return outcomes
  }

  async #rolesOf(opportunities: string[]): Promise<z.infer<typeof contactRole>[]> {
    const found: z.infer<typeof contactRole>[] = []
    for (const ids of chunks(opportunities, this.batch.readByIds)) {
      const { body } = await this.#query(
        'association_read',
        `SELECT Id, OpportunityId, ContactId, IsPrimary FROM OpportunityContactRole WHERE OpportunityId IN (${ids.map(quote).join(',')})`,
      )
      found.push(...z.array(contactRole).parse(body.records))
    }
    return found
  }

  #query(kind: Operation['kind'], soql: string, all = false): Promise<Reply<z.infer<typeof queryAnswer>>> {
    const from = /FROM (\w+)/.exec(soql)?.[1] ?? ''
    return this.#request(
      { kind, idempotent: true, what: `query ${from}` },
      { method: 'GET', url: `/${all ? 'queryAll' : 'query'}?q=${encodeURIComponent(soql)}` },
      queryAnswer,
    )
  }

  async #save(operation: Operation, method: 'POST' | 'PATCH', url: string, records: unknown[]): Promise<Outcome[]> {
    const { body } = await this.#request(
      operation,
      { method, url, body: JSON.stringify({ allOrNone: false, records }) },
      saveResults,
    )
    if (body.length !== records.length)
      throw new CrmError('unknown_outcome', `${records.length} rows were sent and ${body.length} results came back`)
    return body.map(toOutcome)
  }

  /** One request. Its answer is checked by a schema: a cut body would otherwise pass as text. */
  async #request<T>(
    operation: Operation,
    request: { method: 'GET' | 'POST' | 'PATCH' | 'DELETE'; url: string; body?: string },
    schema: z.ZodType<T>,
  ): Promise<Reply<T>> {
    return this.#wire.call(operation, async () => {
      let last: HttpResponse | undefined
      const transport = new PlainTransport(TIMEOUT_MS, (response) => {
        last = response
      })
      this.#connection.accessToken = await this.#wire.token()
      try {
        const headers = {
          'content-type': 'application/json',
          'Sforce-Duplicate-Rule-Header': 'allowSave=true',
          'Sforce-Auto-Assign': 'FALSE',
        }
        const body = await this.#connection.request<unknown>(
          { ...request, headers } as HttpRequest,
          { transport, retry: { methods: [] } } as object,
        )
        this.#note(last)
        const parsed = schema.safeParse(body)
        if (!parsed.success)
          throw new CrmError(
            operation.kind.endsWith('write') || operation.kind === 'write' ? 'unknown_outcome' : 'unavailable',
            `${operation.what}: the answer is not what Salesforce documents: ${parsed.error.issues[0]?.path.join('.')} ${parsed.error.issues[0]?.message}`,
          )
        return { body: parsed.data, clock: clockOf(last) }
      } catch (error) {
        if (error instanceof CrmError) throw error
        this.#note(last)
        throw fromThrown(error, last?.statusCode)
      }
    })
  }

  #note(response: HttpResponse | undefined): void {
    if (response) this.#wire.note(response.headers)
  }
}

/**
 * Stamps are whole seconds. Within a second that is not over more rows may come, of smaller ids too: the next poll
 * reads it again from its beginning. Once it is over it goes on behind its last row.
 */
const cursorAt = (last: Snapshot, clock: number, inside: boolean): Cursor => ({
  version: last.version,
  id: inside || clock >= last.version + 2_000 ? last.id : '',
})

const contactRole = z.object({ Id: z.string(), OpportunityId: z.string(), ContactId: z.string(), IsPrimary: z.boolean() })

const clockOf = (response: HttpResponse | undefined): number => Date.parse(String(response?.headers.date ?? '')) || Date.now()

function toOutcome(result: z.infer<typeof saveResults>[number]): Outcome {
  if (result.success && result.id)
    return { ok: true, id: result.id, ...(result.created !== undefined && { created: result.created }) }
  return {
    ok: false,
    error: classify((result.errors[0] ?? { message: 'no reason given' }) as SalesforceErrorEntry),
  }
}
