import { Request } from '@hubspot/api-client/lib/src/services/http/Request.js'
import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import type { AssociationType, ObjectSchema, RawRow, ValueGroup } from '../../mappings/schema.ts'
import {
  type AccountInfo,
  type AssociateRequest,
  type BatchSizes,
  type ChangesPage,
  type ChangesRequest,
  type Connector,
  type CreateRow,
  type CrmUser,
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
import { CrmError, networkError } from '../errors.ts'
import { classify } from './errors.ts'
import { writeAround } from './halving.ts'
import {
  associationOf,
  batchAnswer,
  encodeRow,
  MERGED,
  objectAnswer,
  pageAnswer,
  propertyAnswer,
  toFields,
  toSnapshot,
} from './wire.ts'

const TIMEOUT_MS = 30_000
/** HubSpot lets nobody page past this many results of one search. */
const SEARCH_CAP = 10_000
const SEARCH_PAGE = 200

interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  qs?: Record<string, string | number | string[]>
  body?: unknown
}

interface Reply<T> {
  body: T
  clock: number
}

export class HubspotConnector implements Connector {
  readonly kind = 'hubspot'
  readonly answersWithRecord = true
  readonly associationsApart = true
  /** Search shows changes late. */
  readonly overlapMs = 2 * 60_000
  readonly batch: BatchSizes = {
    list: 100,
    readByIds: 100,
    associations: 1000,
    find: 100,
    create: 100,
    update: 100,
    remove: 100,
    associate: 1000,
    changes: 1,
  }
  readonly #config: { accessToken: string; basePath: string }
  readonly #wire: Wire
  readonly #modified = new Map<string, string>()

  constructor({ baseUrl = 'https://api.hubapi.com', wire }: { baseUrl?: string; wire: Wire }) {
    this.#config = { accessToken: '', basePath: baseUrl }
    this.#wire = wire
  }

  async account(): Promise<AccountInfo> {
    const { body } = await this.#request(
      meta('account details'),
      { method: 'GET', path: '/account-info/v3/details' },
      z.looseObject({
        portalId: z.number(),
        timeZone: z.string(),
        companyCurrency: z.string(),
        additionalCurrencies: z.array(z.string()).default([]),
      }),
    )
    const token = await this.#request(
      meta('token details'),
      { method: 'GET', path: '/integrations/v1/me' },
      z.looseObject({ appId: z.number().optional() }),
    ).catch((error: CrmError) => {
      if (error.class === 'not_found' || error.class === 'forbidden') return undefined
      throw error
    })
    return {
      id: String(body.portalId),
      name: `HubSpot ${body.portalId}`,
      timeZone: body.timeZone,
      currency: body.companyCurrency,
      currencies: [body.companyCurrency, ...body.additionalCurrencies],
      ourselves: token?.body.appId ? String(token.body.appId) : '',
      warnings: [],
    }
  }

  async users(): Promise<CrmUser[]> {
    const owner = z.looseObject({
      id: z.string(),
      email: z.string().nullish(),
      firstName: z.string().nullish(),
      lastName: z.string().nullish(),
    })
    const found: CrmUser[] = []
    for (const archived of [false, true]) {
      let after: string | undefined
      do {
        const { body } = await this.#request(
          meta('owners'),
          {
            method: 'GET',
            path: '/crm/v3/owners/',
            qs: { limit: 100, archived: String(archived), ...(after && { after }) },
          },
          z.looseObject({
            results: z.array(owner),
            paging: z.looseObject({ next: z.looseObject({ after: z.string() }).optional() }).optional(),
          }),
        )
        for (const o of body.results)
          if (o.email)
            found.push({
              id: o.id,
              email: o.email,
              name: [o.firstName, o.lastName].filter(Boolean).join(' '),
              active: !archived,
            })
        after = body.paging?.next?.after
      } while (after)
    }
    return found
  }

  async describe(object: string): Promise<ObjectSchema> {
    const { body } = await this.#request(
      meta(`properties of ${object}`),
      { method: 'GET', path: `/crm/v3/properties/${object}` },
      z.looseObject({ results: z.array(propertyAnswer) }),
    )
    const fields = toFields(body.results)
    this.#modified.set(object, fields.hs_lastmodifieddate && object !== 'contacts' ? 'hs_lastmodifieddate' : 'lastmodifieddate')
    const associations = (await Promise.all(targetsOf(object).map((to) => this.#labels(object, to)))).flat()
    const children = Object.keys(CHILDREN[object] ?? {})
    for (const name of children)
      fields[name] = {
        name,
        label: name,
        type: 'association',
        readable: true,
        creatable: false,
        updatable: false,
        required: false,
        unique: false,
      }
    return {
      object,
      label: object,
      fields,
      associations,
      groups: object === 'deals' ? await this.#pipelines(object) : [],
    }
  }

  /** One search page after another, cut into time windows below the cap. */
  async changes([request]: ChangesRequest[]): Promise<ChangesPage[]> {
    const { object, columns, since } = request!
    const modified = this.#modified.get(object) ?? 'hs_lastmodifieddate'
    const filters = since.id
      ? // More rows share one instant than a search can page through: go on by id within it.
        [
          { propertyName: modified, operator: 'EQ', value: String(since.version) },
          { propertyName: 'hs_object_id', operator: 'GT', value: since.id },
        ]
      : [{ propertyName: modified, operator: 'GTE', value: String(since.version) }]
    const snapshots: Snapshot[] = []
    let after: string | undefined
    do {
      const { body, clock } = await this.#request(
        { kind: 'search', idempotent: true, what: `changes of ${object}` },
        {
          method: 'POST',
          path: `/crm/v3/objects/${object}/search`,
          body: {
            filterGroups: [{ filters }],
            sorts: [{ propertyName: since.id ? 'hs_object_id' : modified, direction: 'ASCENDING' }],
            properties: this.#properties(columns),
            limit: SEARCH_PAGE,
            ...(after && { after }),
          },
        },
        pageAnswer,
      )
      for (const r of body.results) snapshots.push(toSnapshot(r, columns, clock))
      after = body.paging?.next?.after
    } while (after && Number(after) + SEARCH_PAGE <= SEARCH_CAP)
    const last = snapshots.at(-1)
    if (!after || !last) {
      if (since.id) return [{ object, snapshots, next: { version: since.version + 1, id: '' } }]
      return [{ object, snapshots, ...(last && { upTo: { version: last.version, id: '' } }) }]
    }
    const next =
      since.id || last.version === since.version
        ? { version: last.version, id: since.id ? last.id : '0' }
        : { version: last.version, id: '' }
    return [{ object, snapshots, next }]
  }

  async list({ object, columns, after }: ListRequest): Promise<Page> {
    const { body, clock } = await this.#request(
      { kind: 'read', idempotent: true, what: `list ${object}` },
      {
        method: 'GET',
        path: `/crm/v3/objects/${object}`,
        qs: {
          limit: this.batch.list,
          properties: this.#properties(columns),
          archived: 'false',
          ...(after && { after }),
        },
      },
      pageAnswer,
    )
    const next = body.paging?.next?.after
    return { snapshots: body.results.map((r) => toSnapshot(r, columns, clock)), ...(next && { after: next }) }
  }

  /** Ids that a batch read leaves out are archived, merged or gone: archived ones are read in a second call, the rest one by one. */
  async readByIds({ object, ids, columns }: ReadRequest): Promise<Snapshot[]> {
    const found: Snapshot[] = []
    let missing = ids
    for (const archived of [false, true]) {
      if (missing.length === 0) break
      const { body, clock } = await this.#request(
        { kind: 'read', idempotent: true, what: `read ${missing.length} ${object}` },
        {
          method: 'POST',
          path: `/crm/v3/objects/${object}/batch/read?archived=${archived}`,
          body: { inputs: missing.map((id) => ({ id })), properties: this.#properties(columns) },
        },
        batchAnswer,
      )
      for (const r of body.results) found.push(toSnapshot(r, columns, body.startedAt ? Date.parse(body.startedAt) : clock))
      const seen = new Set(found.map((s) => s.id))
      missing = missing.filter((id) => !seen.has(id))
    }
    for (const id of missing) {
      try {
        const { body, clock } = await this.#request(
          { kind: 'read', idempotent: true, what: `read ${object} ${id}` },
          {
            method: 'GET',
            path: `/crm/v3/objects/${object}/${id}`,
            qs: { properties: this.#properties(columns) },
          },
          objectAnswer,
        )
        const snapshot = toSnapshot(body, columns, clock)
        found.push(body.id === id ? snapshot : { ...snapshot, asked: id })
      } catch (error) {
        if (!(error instanceof CrmError && error.class === 'not_found')) throw error
      }
    }
    return found
  }

  async readAssociations({
    object,
    ids,
    columns,
  }: {
    object: string
    ids: string[]
    columns: string[]
  }): Promise<Map<string, RawRow>> {
    const found = new Map<string, RawRow>(ids.map((id) => [id, Object.fromEntries(columns.map((c) => [c, []]))]))
    const byTarget = Map.groupBy(columns, (c) => CHILDREN[object]?.[c]?.to ?? associationOf(c)?.to ?? '')
    if (byTarget.has(''))
      throw new CrmError('unknown_field', `${object} has no association ${byTarget.get('')![0]}`, {
        fields: byTarget.get('')!,
      })
    for (const [to, ofTarget] of byTarget) {
      const { body } = await this.#request(
        { kind: 'association_read', idempotent: true, what: `${object} to ${to}` },
        {
          method: 'POST',
          path: `/crm/v4/associations/${object}/${to}/batch/read`,
          body: { inputs: ids.map((id) => ({ id })) },
        },
        associationsAnswer,
      )
      const children = CHILDREN[object]
      for (const r of body.results) {
        const row = found.get(r.from.id)
        if (!row) continue
        for (const column of ofTarget) {
          const type = associationOf(column)
          row[column] = r.to
            .filter((t) => !type || t.associationTypes.some((a) => a.category === type.category && a.typeId === type.typeId))
            .map((t) => String(t.toObjectId))
            .sort()
        }
      }
      for (const column of ofTarget) if (children?.[column]) await this.#childValues(found, column, children[column])
    }
    return found
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
    // Search finds text only by its lower-case form.
    const { body, clock } = await this.#request(
      { kind: 'search', idempotent: true, what: `find ${object} by ${column}` },
      {
        method: 'POST',
        path: `/crm/v3/objects/${object}/search`,
        body: {
          filterGroups: [
            {
              filters: [{ propertyName: column, operator: 'IN', values: values.map((v) => v.toLowerCase()) }],
            },
          ],
          properties: this.#properties([...columns, column]),
          limit: SEARCH_PAGE,
        },
      },
      pageAnswer,
    )
    return body.results.map((r) => toSnapshot(r, [...columns, column], clock))
  }

  /** Every row carries its trace id: rows fail one by one, and answers are matched by it. */
  async create({ object, externalId, rows }: { object: string; externalId: string; rows: CreateRow[] }): Promise<Outcome[]> {
    const inputs = rows.map(({ key, row }, i) => ({
      properties: { ...encodeRow(row), [externalId]: key },
      associations: associationsOf(row),
      objectWriteTraceId: String(i),
    }))
    const { body, clock } = await this.#request(
      { kind: 'write', idempotent: false, what: `create ${rows.length} ${object}` },
      { method: 'POST', path: `/crm/v3/objects/${object}/batch/create`, body: { inputs } },
      batchAnswer,
    )
    const outcomes: Outcome[] = rows.map(() => ({
      ok: false,
      error: new CrmError('unknown_outcome', 'the answer does not mention this row'),
    }))
    for (const r of body.results) {
      const at = Number(r.objectWriteTraceId ?? rows.findIndex((x) => x.key === r.properties[externalId]))
      if (rows[at])
        outcomes[at] = {
          ok: true,
          id: r.id,
          created: true,
          snapshot: toSnapshot(r, Object.keys(r.properties), clock),
        }
    }
    for (const e of body.errors ?? []) {
      const at = Number(e.context?.objectWriteTraceId?.[0] ?? -1)
      if (rows[at]) outcomes[at] = { ok: false, error: classify(207, e) }
    }
    return outcomes
  }

  /** One bad row fails a whole update: it is found and the rest is written. */
  async update({ object, rows }: { object: string; rows: UpdateRow[] }): Promise<Outcome[]> {
    return writeAround(
      rows.length,
      async (positions) => {
        const inputs = positions.map((p) => ({ id: rows[p]!.id, properties: encodeRow(rows[p]!.row) }))
        const { body, clock } = await this.#request(
          { kind: 'write', idempotent: true, what: `update ${inputs.length} ${object}` },
          { method: 'POST', path: `/crm/v3/objects/${object}/batch/update`, body: { inputs } },
          batchAnswer,
        )
        const byId = new Map(body.results.map((r) => [r.id, r]))
        const lost = new Set((body.errors ?? []).flatMap((e) => e.context?.ids ?? []))
        return positions.map((p): Outcome => {
          const { id } = rows[p]!
          const r = byId.get(id)
          if (r) return { ok: true, id, snapshot: toSnapshot(r, Object.keys(r.properties), clock) }
          return {
            ok: false,
            error: lost.has(id)
              ? new CrmError('not_found', `${object} ${id} does not exist any more`)
              : new CrmError('unknown_outcome', 'the answer does not mention this row'),
          }
        })
      },
      (error, positions) => positions.filter((p) => blamed(error, rows[p]!.id, rows[p]!.row)),
    )
  }

  async remove({ object, ids }: { object: string; ids: string[] }): Promise<Outcome[]> {
    await this.#request(
      { kind: 'write', idempotent: true, what: `archive ${ids.length} ${object}` },
      {
        method: 'POST',
        path: `/crm/v3/objects/${object}/batch/archive`,
        body: { inputs: ids.map((id) => ({ id })) },
      },
      z.unknown(),
    )
    return ids.map((id) => ({ ok: true, id }))
  }

  async associate({ object, column, changes }: AssociateRequest): Promise<Outcome[]> {
    const type = associationOf(column)
    if (!type)
      throw new CrmError('unknown_field', `${object} has no association ${column} that can be written`, {
        fields: [column],
      })
    const types = [{ associationCategory: type.category, associationTypeId: type.typeId }]
    const path = `/crm/v4/associations/${object}/${type.to}/batch`
    const outcomes: Outcome[] = changes.map((c) => ({ ok: true, id: c.id }))
    const steps = [
      ['labels/archive', 'remove'],
      ['create', 'add'],
    ] as const
    for (const [op, key] of steps) {
      const links = changes.flatMap((c, at) => c[key].map((to) => ({ at, from: c.id, to })))
      for (let i = 0; i < links.length; i += this.batch.associate) {
        const piece = links.slice(i, i + this.batch.associate)
        const results = await writeAround(
          piece.length,
          async (positions) => {
            const inputs = positions.map((p) => ({
              from: { id: piece[p]!.from },
              to: { id: piece[p]!.to },
              types,
            }))
            await this.#request(
              {
                kind: 'association_write',
                idempotent: true,
                what: `${op} ${inputs.length} ${object} to ${type.to}`,
              },
              { method: 'POST', path: `${path}/${op}`, body: { inputs } },
              z.unknown(),
            )
            return positions.map((p) => ({ ok: true as const, id: piece[p]!.from }))
          },
          (error, positions) =>
            positions.filter((p) => error.detail.ids?.includes(piece[p]!.from) || error.detail.ids?.includes(piece[p]!.to)),
        )
        results.forEach((r, n) => {
          if (!r.ok) outcomes[piece[n]!.at] = r
        })
      }
    }
    return outcomes
  }

  /** Properties to ask for; associations are read apart. */
  #properties(columns: string[]): string[] {
    return [...new Set([...columns.filter((c) => !c.startsWith('@')), MERGED])]
  }

  /** Puts names in place of the ids of children (line items), read in batches. */
  async #childValues(
    rows: Map<string, RawRow>,
    column: string,
    { to, property }: { to: string; property: string },
  ): Promise<void> {
    const ids = [...new Set([...rows.values()].flatMap((r) => r[column] as string[]))]
    const names = new Map<string, string>()
    for (const piece of chunks(ids, this.batch.readByIds)) {
      const { body } = await this.#request(
        { kind: 'association_read', idempotent: true, what: `read ${piece.length} ${to}` },
        {
          method: 'POST',
          path: `/crm/v3/objects/${to}/batch/read`,
          body: { inputs: piece.map((id) => ({ id })), properties: [property] },
        },
        batchAnswer,
      )
      for (const r of body.results) if (r.properties[property]) names.set(r.id, r.properties[property])
    }
    for (const row of rows.values())
      row[column] = [...new Set((row[column] as string[]).map((x) => names.get(x)).filter((n) => n !== undefined))].sort()
  }

  async #labels(from: string, to: string): Promise<AssociationType[]> {
    const answer = z.looseObject({
      results: z.array(
        z.looseObject({
          category: z.enum(['HUBSPOT_DEFINED', 'USER_DEFINED', 'INTEGRATOR_DEFINED']),
          typeId: z.number(),
          label: z.string().nullable(),
        }),
      ),
    })
    const { body } = await this.#request(
      meta(`association types ${from} to ${to}`),
      { method: 'GET', path: `/crm/v4/associations/${from}/${to}/labels` },
      answer,
    )
    return body.results.map((r) => ({ to, category: r.category, typeId: r.typeId, label: r.label }))
  }

  async #pipelines(object: string): Promise<ValueGroup[]> {
    const pipeline = z.looseObject({
      id: z.string(),
      label: z.string(),
      stages: z.array(z.looseObject({ id: z.string(), label: z.string() })),
    })
    const { body } = await this.#request(
      meta(`pipelines of ${object}`),
      { method: 'GET', path: `/crm/v3/pipelines/${object}` },
      z.looseObject({ results: z.array(pipeline) }),
    )
    return body.results.map((p) => ({
      column: 'pipeline',
      value: p.id,
      label: p.label,
      narrows: 'dealstage',
      options: p.stages.map((s) => ({ value: s.id, label: s.label })),
    }))
  }

  /** One request, built by HubSpot's client and sent with a deadline; its typed calls have none. */
  async #request<T>(operation: Operation, call: Call, schema: z.ZodType<T>): Promise<Reply<T>> {
    return this.#wire.call(operation, async () => {
      const request = new Request({ ...this.#config, accessToken: await this.#wire.token() }, call)
      let answer: Response
      let text: string
      try {
        answer = await fetch(request.getUrl(), {
          ...(request.getSendData() as RequestInit),
          redirect: 'manual',
          signal: AbortSignal.timeout(TIMEOUT_MS),
        })
        text = await answer.text()
      } catch (error) {
        throw networkError(error)
      }
      const headers = Object.fromEntries(answer.headers)
      this.#wire.note(headers)
      let body: unknown
      try {
        body = text === '' ? undefined : JSON.parse(text)
      } catch {
        body = text
      }
      if (answer.status >= 300) throw classify(answer.status, body, headers)
      const parsed = schema.safeParse(body)
      if (!parsed.success)
        throw new CrmError(
          operation.kind.endsWith('write') ? 'unknown_outcome' : 'unavailable',
          `${operation.what}: the answer is not what HubSpot documents: ${parsed.error.issues[0]?.path.join('.')} ${parsed.error.issues[0]?.message}`,
        )
      return { body: parsed.data, clock: Date.parse(headers.date ?? '') || Date.now() }
    })
  }
}

const associationsAnswer = z.looseObject({
  results: z.array(
    z.looseObject({
      from: z.looseObject({ id: z.string() }),
      to: z.array(
        z.looseObject({
          toObjectId: z.union([z.number(), z.string()]),
          associationTypes: z.array(z.looseObject({ category: z.string(), typeId: z.number() })),
        }),
      ),
    }),
  ),
})

const meta = (what: string): Operation => ({ kind: 'meta', idempotent: true, what })

/** Object types that each type can be associated with, as far as mappings use them. */
const targetsOf = (object: string): string[] =>
  (({ companies: ['companies'], contacts: ['companies'], deals: ['companies', 'contacts'] }) as Record<string, string[]>)[
    object
  ] ?? ['companies', 'contacts', 'deals']

/** Pseudo-columns: names of associated records. */
const CHILDREN: Record<string, Record<string, { to: string; property: string }>> = {
  deals: { '@line_items#name': { to: 'line_items', property: 'name' } },
}

/** Associations that go out inline with a create. */
function associationsOf(row: Record<string, Json>) {
  return Object.entries(row).flatMap(([column, ids]) => {
    const type = associationOf(column)
    if (!type || !Array.isArray(ids)) return []
    return ids.map((id) => ({
      to: { id: String(id) },
      types: [{ associationCategory: type.category, associationTypeId: type.typeId }],
    }))
  })
}

/** Whether an error names this row: by id, or by a value that stands in its text beside the property's name. */
function blamed(error: CrmError, id: string, row: Record<string, Json>): boolean {
  if (error.detail.ids) return error.detail.ids.includes(id)
  return (error.detail.fields ?? []).some(
    (f) => f in row && row[f] !== null && String(row[f]).length > 2 && error.message.includes(String(row[f])),
  )
}
