import { HubspotError } from './errors.ts'
import type { Obj, Portal, Source } from './portal.ts'
import { iso, renderObject, renderOwner, renderPipeline, renderProperty, renderSchema } from './render.ts'
import { type PropertyDef, property, type TypeDef } from './schema.ts'
import { type SearchRequest, search } from './search.ts'

/** One API request, apart from HTTP. */
export interface Request {
  method: string
  path: string
  query: URLSearchParams
  body: unknown
  source: Source
}

export interface Answer {
  status: number
  body?: unknown
}

type Handler = (portal: Portal, r: Request, ...parts: string[]) => Answer
const ok = (body: unknown, status = 200): Answer => ({ status, body })
const input = <T>(body: unknown): T => {
  if (typeof body !== 'object' || body === null)
    throw new HubspotError(
      400,
      'VALIDATION_ERROR',
      'Invalid input JSON on line 1, column 1: No content to map due to end-of-input',
    )
  return body as T
}
const MAX_BATCH = 100

const O = '(?:/crm/v3/objects|/crm/objects/20\\d\\d-\\d\\d)'
const A = '(?:/crm/v[34]/associations|/crm/associations/20\\d\\d-\\d\\d)'
const P = '(?:/crm/v3/properties|/crm/properties/20\\d\\d-\\d\\d)'
const S = '(?:/crm/v3/schemas|/crm-object-schemas/v3/schemas|/crm-object-schemas/20\\d\\d-\\d\\d/schemas)'
const at = (pattern: string) => new RegExp(`^${pattern}$`)

const routes: [string, RegExp, Handler][] = [
  ['GET', at(`${O}/([^/]+)`), list],
  ['POST', at(`${O}/([^/]+)`), (p, r, type) => ok(rendered(p, type!, createOne(p, type!, input(r.body), r.source)), 201)],
  ['POST', at(`${O}/([^/]+)/search`), runSearch],
  [
    'POST',
    at(`${O}/([^/]+)/merge`),
    (p, r, type) => {
      const { primaryObjectId, objectIdToMerge } = input<{
        primaryObjectId: string
        objectIdToMerge: string
      }>(r.body)
      return ok(rendered(p, type!, p.merge(type!, primaryObjectId, objectIdToMerge, r.source)))
    },
  ],
  ['POST', at(`${O}/([^/]+)/batch/read`), batchRead],
  ['POST', at(`${O}/([^/]+)/batch/create`), batchCreate],
  ['POST', at(`${O}/([^/]+)/batch/update`), batchUpdate],
  ['POST', at(`${O}/([^/]+)/batch/upsert`), batchUpsert],
  [
    'POST',
    at(`${O}/([^/]+)/batch/archive`),
    (p, r, type) => {
      const { inputs = [] } = input<{ inputs?: { id: string }[] }>(r.body)
      limitBatch(inputs)
      for (const { id } of inputs) p.archive(type!, id, r.source)
      return { status: 204 }
    },
  ],
  ['GET', at(`${O}/([^/]+)/([^/]+)`), getOne],
  [
    'PATCH',
    at(`${O}/([^/]+)/([^/]+)`),
    (p, r, type, id) =>
      ok(
        rendered(
          p,
          type!,
          p.update(
            type!,
            found(p, type!, id!, r.query.get('idProperty')).id,
            input<{ properties: Record<string, unknown> }>(r.body).properties ?? {},
            r.source,
          ),
          Object.keys(input<{ properties: Record<string, unknown> }>(r.body).properties ?? {}),
        ),
      ),
  ],
  [
    'DELETE',
    at(`${O}/([^/]+)/([^/]+)`),
    (p, r, type, id) => {
      p.archive(type!, id!, r.source)
      return { status: 204 }
    },
  ],
  ['GET', at(`(?:/crm/v[34]/objects|/crm/objects/20\\d\\d-\\d\\d)/([^/]+)/([^/]+)/associations/([^/]+)`), associationsOf],
  [
    'PUT',
    at(`/crm/v[34]/objects/([^/]+)/([^/]+)/associations/default/([^/]+)/([^/]+)`),
    (p, r, from, id, to, toId) => {
      associateDefault(p, from!, id!, to!, toId!, r.source)
      return ok(defaultAnswer(p, from!, id!, to!, toId!))
    },
  ],
  [
    'PUT',
    at(`/crm/v[34]/objects/([^/]+)/([^/]+)/associations/([^/]+)/([^/]+)`),
    (p, r, from, id, to, toId) => {
      for (const t of input<{ associationCategory: string; associationTypeId: number }[]>(r.body))
        p.associate(from!, id!, to!, toId!, t.associationCategory, t.associationTypeId, r.source)
      return ok(labelsAnswer(p, from!, id!, to!, toId!), 201)
    },
  ],
  [
    'PUT',
    at(`/crm/v3/objects/([^/]+)/([^/]+)/associations/([^/]+)/([^/]+)/([^/]+)`),
    (p, r, from, id, to, toId, name) => {
      const t = typeByName(p, from!, to!, name!)
      p.associate(from!, id!, to!, toId!, t.category, t.typeId, r.source)
      return ok(rendered(p, from!, found(p, from!, id!)))
    },
  ],
  [
    'DELETE',
    at(`/crm/v[34]/objects/([^/]+)/([^/]+)/associations/([^/]+)/([^/]+)(?:/[^/]+)?`),
    (p, r, from, id, to, toId) => {
      p.dissociate(from!, id!, to!, toId!, undefined, r.source)
      return { status: 204 }
    },
  ],
  ['POST', at(`${A}/([^/]+)/([^/]+)/batch/read`), associationsRead],
  ['POST', at(`${A}/([^/]+)/([^/]+)/batch/create`), associationsCreate],
  ['POST', at(`${A}/([^/]+)/([^/]+)/batch/associate/default`), associationsDefault],
  ['POST', at(`${A}/([^/]+)/([^/]+)/batch/(archive|labels/archive)`), associationsArchive],
  ['GET', at(`${A}/([^/]+)/([^/]+)/(labels|types)`), associationLabels],
  ['POST', at(`${A}/([^/]+)/([^/]+)/labels`), createLabel],
  [
    'GET',
    at(`${P}/([^/]+)`),
    (p, r, type) =>
      ok({
        results:
          r.query.get('archived') === 'true'
            ? []
            : [...p.table(type!).def.properties.values()].map((x) => renderProperty(p, p.table(type!).def, x)),
      }),
  ],
  [
    'GET',
    at(`${P}/([^/]+)/groups`),
    (p, _, type) =>
      ok({
        results: [
          {
            name: `${p.table(type!).def.singular}information`,
            label: 'Information',
            displayOrder: 0,
            archived: false,
          },
        ],
      }),
  ],
  [
    'POST',
    at(`${P}/([^/]+)/groups`),
    (p, r, type) => {
      p.table(type!)
      const g = input<{ name: string; label: string; displayOrder?: number }>(r.body)
      return ok({ archived: false, name: g.name, displayOrder: g.displayOrder ?? -1, label: g.label }, 201)
    },
  ],
  [
    'POST',
    at(`${P}/([^/]+)`),
    (p, r, type) => {
      const def = p.table(type!).def
      return ok(renderProperty(p, def, p.addProperty(type!, propertyFrom(p, def, input(r.body)))), 201)
    },
  ],
  [
    'POST',
    at(`${P}/([^/]+)/batch/create`),
    (p, r, type) => {
      const def = p.table(type!).def
      const made = input<{ inputs: Partial<PropertyDef>[] }>(r.body).inputs.map((i) =>
        renderProperty(p, def, p.addProperty(type!, propertyFrom(p, def, i))),
      )
      return ok(batchAnswer(p, made), 201)
    },
  ],
  [
    'GET',
    at(`${P}/([^/]+)/([^/]+)`),
    (p, _, type, name) => {
      const def = p.table(type!).def
      const x = def.properties.get(name!)
      if (!x) throw new HubspotError(404, 'OBJECT_NOT_FOUND', `Property ${name} does not exist`)
      return ok(renderProperty(p, def, x))
    },
  ],
  [
    'PATCH',
    at(`${P}/([^/]+)/([^/]+)`),
    (p, r, type, name) => {
      const def = p.table(type!).def
      const x = def.properties.get(name!)
      if (!x) throw new HubspotError(404, 'OBJECT_NOT_FOUND', `Property ${name} does not exist`)
      return ok(
        renderProperty(p, def, p.addProperty(type!, propertyFrom(p, def, { ...x, ...input<Partial<PropertyDef>>(r.body) }))),
      )
    },
  ],
  [
    'DELETE',
    at(`${P}/([^/]+)/([^/]+)`),
    (p, _, type, name) => {
      p.table(type!).def.properties.delete(name!)
      return { status: 204 }
    },
  ],
  [
    'GET',
    at('/crm/v3/pipelines/([^/]+)'),
    (p, _, type) => {
      const def = p.table(type!).def
      return ok({ results: def.pipelines.map((x) => renderPipeline(def, x)) })
    },
  ],
  [
    'GET',
    at('/crm/v3/pipelines/([^/]+)/([^/]+)'),
    (p, _, type, id) => {
      const def = p.table(type!).def
      const x = def.pipelines.find((y) => y.id === id)
      if (!x) throw new HubspotError(404, 'OBJECT_NOT_FOUND', `Pipeline ${id} does not exist`)
      return ok(renderPipeline(def, x))
    },
  ],
  ['GET', at('/crm/v3/owners/?'), owners],
  [
    'GET',
    at('/crm/v3/owners/(\\d+)'),
    (p, r, id) => {
      const o = [...p.owners.values()].find((x) => (r.query.get('idProperty') === 'userId' ? String(x.userId) : x.id) === id)
      if (!o) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
      return ok(renderOwner(o))
    },
  ],
  ['GET', at(S), (p) => ok({ results: [...p.tables.values()].filter((t) => t.def.custom).map((t) => renderSchema(p, t.def)) })],
  ['POST', at(S), createSchema],
  ['GET', at(`${S}/([^/]+)`), (p, _, type) => ok(renderSchema(p, p.table(type!).def))],
  [
    'PATCH',
    at(`${S}/([^/]+)`),
    (p, r, type) => {
      const def = p.table(type!).def
      Object.assign(
        def,
        pick(input(r.body), [
          'labels',
          'requiredProperties',
          'searchableProperties',
          'primaryDisplayProperty',
          'secondaryDisplayProperties',
        ]),
      )
      return ok(renderSchema(p, def))
    },
  ],
  [
    'GET',
    at('/account-info/v3/details'),
    (p) =>
      ok({
        portalId: p.id,
        accountType: 'SANDBOX',
        timeZone: p.timeZone,
        companyCurrency: p.currency,
        additionalCurrencies: p.currencies.filter((c) => c !== p.currency),
        utcOffset: '+00:00',
        utcOffsetMilliseconds: 0,
        uiDomain: 'app.hubspot.com',
        dataHostingLocation: 'na1',
      }),
  ],
  ['GET', at('/account-info/v3/api-usage/daily(?:/private-apps)?'), () => ok({ results: [] })],
  [
    'GET',
    at('/integrations/v1/me'),
    (p) =>
      ok({
        portalId: p.id,
        timeZone: p.timeZone,
        accountType: 'SANDBOX',
        currency: p.currency,
        utcOffset: '+00:00',
        utcOffsetMilliseconds: 0,
      }),
  ],
]

/** Answers one request. @throws HubspotError for anything the API would refuse. */
export function handle(portal: Portal, r: Request): Answer {
  let known = false
  for (const [method, pattern, handler] of routes) {
    const match = pattern.exec(r.path)
    if (!match) continue
    known = true
    if (method === r.method) return handler(portal, r, ...match.slice(1).map(decodeURIComponent))
  }
  throw known ? new HubspotError(405, undefined, 'Method Not Allowed') : new HubspotError(404, undefined, 'Not found')
}

const pick = (o: Record<string, unknown>, keys: string[]) => Object.fromEntries(keys.filter((k) => k in o).map((k) => [k, o[k]]))

function rendered(portal: Portal, type: string, obj: Obj, properties?: string[]) {
  return renderObject(portal, portal.table(type).def, obj, properties ? { properties } : { all: true })
}

function found(portal: Portal, type: string, id: string, idProperty?: string | null): Obj {
  const obj = idProperty && idProperty !== 'hs_object_id' ? portal.byUnique(type, idProperty, id) : portal.resolve(type, id)
  if (!obj || obj.archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
  return obj
}

const names = (r: Request, key: string) =>
  r.query
    .getAll(key)
    .flatMap((x) => x.split(','))
    .filter(Boolean)

/** The complete reader: by id, live or archived, with associations. */
function list(portal: Portal, r: Request, type?: string): Answer {
  const table = portal.table(type!)
  const limit = Number(r.query.get('limit') ?? 10)
  const history = names(r, 'propertiesWithHistory')
  const max = history.length > 0 ? 50 : 100
  if (!(limit >= 1 && limit <= max))
    throw new HubspotError(400, 'VALIDATION_ERROR', `Invalid limit: must be between 1 and ${max}`)
  const archived = r.query.get('archived') === 'true'
  const after = r.query.get('after')
  const results: unknown[] = []
  let next: string | undefined
  const associations = names(r, 'associations')
  for (const obj of listFrom(portal, table.def.name, after)) {
    if (obj.archived !== archived) continue
    if (results.length === limit) {
      next = obj.id
      break
    }
    const body = renderObject(portal, table.def, obj, { properties: names(r, 'properties'), history })
    const links = associationsInline(portal, table.def, obj.id, associations)
    results.push(links ? { ...body, associations: links } : body)
  }
  const link = `https://api.hubapi.com${r.path}?limit=${limit}&after=${next}`
  return ok({ results, ...(next && { paging: { next: { after: next, link } } }) })
}

/** Records in id order from an id on. Ids are given in rising order, so insertion order is nearly it. */
const orders = new WeakMap<object, { size: number; ids: string[] }>()
function* listFrom(portal: Portal, type: string, after: string | null): Generator<Obj> {
  const { objects } = portal.table(type)
  let order = orders.get(objects)
  if (!order || order.size !== objects.size) {
    order = { size: objects.size, ids: [...objects.keys()].sort((a, b) => Number(a) - Number(b)) }
    orders.set(objects, order)
  }
  const { ids } = order
  let lo = 0
  let hi = ids.length
  while (after && lo < hi) {
    const mid = (lo + hi) >> 1
    if (Number(ids[mid]) < Number(after)) lo = mid + 1
    else hi = mid
  }
  for (let i = lo; i < ids.length; i++) {
    const obj = objects.get(ids[i]!)
    if (obj) yield obj
  }
}

function associationsInline(portal: Portal, def: TypeDef, id: string, types: string[]) {
  const found: Record<string, { results: { id: string; type: string }[] }> = {}
  for (const to of types) {
    const target = portal.table(to).def
    const results = portal
      .associated(def.name, id, to)
      .flatMap((a) => a.types.map((t) => ({ id: a.id, type: typeName(portal, def.name, target.name, t) })))
    if (results.length > 0) found[target.name] = { results }
  }
  return Object.keys(found).length > 0 ? found : undefined
}

function typeName(portal: Portal, from: string, to: string, key: string): string {
  const [category, typeId] = key.split(':') as [string, string]
  const label = portal.associationTypes(from, to).find((t) => t.category === category && t.typeId === Number(typeId))?.label
  const base = `${portal.table(from).def.singular}_to_${portal.table(to).def.singular}`
  return label === null || label === undefined || label === 'Primary'
    ? label
      ? base
      : `${base}_unlabeled`
    : label.toLowerCase().replaceAll(' ', '_')
}

function typeByName(portal: Portal, from: string, to: string, name: string) {
  const types = portal.associationTypes(from, to)
  const [a, b] = [portal.table(from).def.singular, portal.table(to).def.singular]
  const found =
    types.find((t) => String(t.typeId) === name) ??
    (name === `${a}_to_${b}` || name === `${a}_to_${b}_unlabeled`
      ? (types.find((t) => t.label === (name.endsWith('unlabeled') ? null : 'Primary')) ?? types.find((t) => t.label === null))
      : undefined)
  if (!found) throw new HubspotError(400, 'VALIDATION_ERROR', `${name} is not a valid association type between ${a} and ${b}`)
  return found
}

function getOne(portal: Portal, r: Request, type?: string, id?: string): Answer {
  const table = portal.table(type!)
  const idProperty = r.query.get('idProperty')
  const obj = idProperty && idProperty !== 'hs_object_id' ? portal.byUnique(type!, idProperty, id!) : portal.resolve(type!, id!)
  const archived = r.query.get('archived') === 'true'
  if (!obj || obj.archived !== archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
  const body = renderObject(portal, table.def, obj, {
    properties: names(r, 'properties'),
    history: names(r, 'propertiesWithHistory'),
  })
  const links = associationsInline(portal, table.def, obj.id, names(r, 'associations'))
  return ok(links ? { ...body, associations: links } : body)
}

function runSearch(portal: Portal, r: Request, type?: string): Answer {
  const request = input<SearchRequest>(r.body)
  if (JSON.stringify(request).length > 3000 * 3)
    throw new HubspotError(400, 'VALIDATION_ERROR', 'The request body is larger than 3000 characters')
  const { def } = portal.table(type!)
  const { total, results, after } = search(portal, type!, request)
  return ok({
    total,
    results: results.map((o) => renderObject(portal, def, o, { properties: request.properties })),
    ...(after && { paging: { next: { after } } }),
  })
}

// --- batches ----------------------------------------------------------------------------------------

interface BatchInput {
  id?: string
  idProperty?: string
  properties?: Record<string, unknown>
  associations?: Association[]
  objectWriteTraceId?: string
}
interface Association {
  to: { id: string }
  types: { associationCategory: string; associationTypeId: number }[]
}

function limitBatch(inputs: unknown[], max = MAX_BATCH): void {
  if (!Array.isArray(inputs)) throw new HubspotError(400, 'VALIDATION_ERROR', 'Invalid input JSON on line 1: inputs is required')
  if (inputs.length > max)
    throw new HubspotError(
      400,
      'VALIDATION_ERROR',
      `The maximum number of inputs supported in a batch request for these APIs is ${max}. Received ${inputs.length}.`,
    )
}

function uniqueIds(inputs: { id?: string }[]): void {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const { id } of inputs) {
    if (id !== undefined && seen.has(String(id))) twice.add(String(id))
    seen.add(String(id))
  }
  if (twice.size > 0)
    throw new HubspotError(
      400,
      'VALIDATION_ERROR',
      `Duplicate IDs found in batch input: [${[...twice].join(', ')}]. IDs must be unique`,
      { context: { ids: [...twice] } },
    )
}

function batchAnswer(portal: Portal, results: unknown[], errors: { error: HubspotError; count?: number }[] = []) {
  const now = iso(portal.clock.now())
  return {
    status: 'COMPLETE',
    results,
    ...(errors.length > 0 && {
      numErrors: errors.reduce((n, e) => n + (e.count ?? 1), 0),
      errors: errors.map((e) => e.error.toEntry()),
    }),
    startedAt: now,
    completedAt: now,
  }
}

const missing = (ids: string[], what: string) => ({
  error: new HubspotError(
    404,
    'OBJECT_NOT_FOUND',
    `Could not get some ${what} objects, they may be deleted or not exist. Check that ids are valid.`,
    { context: { ids } },
  ),
  count: 1,
})

function batchRead(portal: Portal, r: Request, type?: string): Answer {
  const { inputs, properties, propertiesWithHistory, idProperty } = input<{
    inputs: { id: string }[]
    properties?: string[]
    propertiesWithHistory?: string[]
    idProperty?: string
  }>(r.body)
  limitBatch(inputs, propertiesWithHistory?.length ? 50 : MAX_BATCH)
  const { def } = portal.table(type!)
  const archived = r.query.get('archived') === 'true'
  const results: unknown[] = []
  const lost: string[] = []
  for (const { id } of inputs) {
    // A batch read answers ids that were merged away with nothing; only a single GET follows them.
    const obj =
      idProperty && idProperty !== 'hs_object_id'
        ? portal.byUnique(type!, idProperty, String(id))
        : portal.table(type!).objects.get(String(id))
    if (!obj || obj.archived !== archived) lost.push(String(id))
    else results.push(renderObject(portal, def, obj, { properties, history: propertiesWithHistory }))
  }
  return lost.length > 0 ? ok(batchAnswer(portal, results, [missing(lost, def.name)]), 207) : ok(batchAnswer(portal, results))
}

function createOne(portal: Portal, type: string, item: BatchInput, source: Source): Obj {
  for (const a of item.associations ?? []) for (const t of a.types) checkAssociation(portal, type, a.to.id, t)
  const obj = portal.create(type, item.properties ?? {}, source)
  for (const a of item.associations ?? [])
    for (const t of a.types)
      portal.associate(type, obj.id, targetOf(portal, type, t), a.to.id, t.associationCategory, t.associationTypeId, source)
  return obj
}

function targetOf(portal: Portal, type: string, t: { associationCategory: string; associationTypeId: number }): string {
  for (const to of portal.tables.keys())
    if (
      portal
        .associationTypes(type, to)
        .some((x) => x.category === t.associationCategory && x.typeId === Number(t.associationTypeId))
    )
      return to
  throw new HubspotError(400, 'VALIDATION_ERROR', `Invalid association type ${t.associationTypeId} for ${type}`)
}

function checkAssociation(
  portal: Portal,
  type: string,
  id: string,
  t: { associationCategory: string; associationTypeId: number },
): void {
  const to = targetOf(portal, type, t)
  const target = portal.resolve(to, id)
  if (!target || target.archived)
    throw new HubspotError(400, 'VALIDATION_ERROR', `One or more ${to} ids do not exist: [${id}]`, {
      context: { ids: [String(id)] },
    })
}

/** Rows fail one by one only when every input carries a trace id; otherwise one bad row fails all. */
function batchCreate(portal: Portal, r: Request, type?: string): Answer {
  const { inputs } = input<{ inputs: BatchInput[] }>(r.body)
  limitBatch(inputs)
  const traced = inputs.every((i) => i.objectWriteTraceId !== undefined)
  const results: unknown[] = []
  const errors: { error: HubspotError }[] = []
  const made: Obj[] = []
  for (const item of inputs) {
    try {
      const obj = createOne(portal, type!, item, r.source)
      made.push(obj)
      const body = rendered(portal, type!, obj)
      results.push(item.objectWriteTraceId === undefined ? body : { ...body, objectWriteTraceId: item.objectWriteTraceId })
    } catch (error) {
      if (!(error instanceof HubspotError)) throw error
      if (!traced) {
        for (const obj of made) portal.archive(type!, obj.id, r.source)
        throw error
      }
      errors.push({
        error: new HubspotError(error.status, error.category, error.message, {
          ...error.detail,
          context: { ...error.detail.context, objectWriteTraceId: [item.objectWriteTraceId!] },
        }),
      })
    }
  }
  return errors.length > 0 ? ok(batchAnswer(portal, results, errors), 207) : ok(batchAnswer(portal, results), 201)
}

/** One bad value fails the whole batch; an unknown id is an error of its own. */
function batchUpdate(portal: Portal, r: Request, type?: string): Answer {
  const { inputs } = input<{ inputs: BatchInput[] }>(r.body)
  limitBatch(inputs)
  uniqueIds(inputs)
  const lost: string[] = []
  const targets = inputs.map((item) => {
    const obj =
      item.idProperty && item.idProperty !== 'hs_object_id'
        ? portal.byUnique(type!, item.idProperty, String(item.id))
        : portal.resolve(type!, String(item.id))
    if (!obj || obj.archived) lost.push(String(item.id))
    return { item, obj: obj && !obj.archived ? obj : undefined }
  })
  for (const { item, obj } of targets) if (obj) portal.check(type!, obj, item.properties ?? {})
  const results = targets.flatMap(({ item, obj }) =>
    obj
      ? [
          rendered(
            portal,
            type!,
            portal.update(type!, obj.id, item.properties ?? {}, r.source),
            Object.keys(item.properties ?? {}),
          ),
        ]
      : [],
  )
  // Answers come back in no particular order.
  results.reverse()
  return lost.length > 0
    ? ok(batchAnswer(portal, results, [missing(lost, portal.table(type!).def.name)]), 207)
    : ok(batchAnswer(portal, results))
}

function batchUpsert(portal: Portal, r: Request, type?: string): Answer {
  const { inputs } = input<{ inputs: BatchInput[] }>(r.body)
  limitBatch(inputs)
  uniqueIds(inputs)
  const plans = inputs.map((item) => {
    if (!item.idProperty) throw new HubspotError(400, 'VALIDATION_ERROR', 'idProperty is required')
    const obj =
      item.idProperty === 'hs_object_id'
        ? portal.resolve(type!, String(item.id))
        : portal.byUnique(type!, item.idProperty, String(item.id))
    portal.check(type!, obj, item.properties ?? {})
    return { item, obj }
  })
  const results = plans.map(({ item, obj }) => {
    const properties = { [item.idProperty!]: item.id, ...item.properties }
    const saved = obj ? portal.update(type!, obj.id, item.properties ?? {}, r.source) : portal.create(type!, properties, r.source)
    return {
      ...rendered(portal, type!, saved),
      new: !obj,
      ...(item.objectWriteTraceId !== undefined && { objectWriteTraceId: item.objectWriteTraceId }),
    }
  })
  return ok(batchAnswer(portal, results))
}

// --- associations -----------------------------------------------------------------------------------

const typeEntry = (portal: Portal, from: string, to: string, key: string) => {
  const [category, typeId] = key.split(':') as [string, string]
  const type = portal.associationTypes(from, to).find((t) => t.category === category && t.typeId === Number(typeId))
  return { category, typeId: Number(typeId), label: type?.label ?? null }
}

function associationsOf(portal: Portal, r: Request, from?: string, id?: string, to?: string): Answer {
  const obj = found(portal, from!, id!)
  const all = portal.associated(from!, obj.id, to!)
  if (r.path.startsWith('/crm/v3'))
    return ok({
      results: all.flatMap((a) =>
        a.types.map((t) => ({
          id: a.id,
          type: typeName(portal, portal.table(from!).def.name, portal.table(to!).def.name, t),
        })),
      ),
    })
  const limit = Number(r.query.get('limit') ?? 500)
  const start = Math.max(0, r.query.get('after') ? all.findIndex((a) => a.id === r.query.get('after')) : 0)
  const page = all.slice(start, start + limit)
  const next = all[start + limit]
  return ok({
    results: page.map((a) => ({
      toObjectId: Number(a.id),
      associationTypes: a.types.map((t) => typeEntry(portal, from!, to!, t)),
    })),
    ...(next && { paging: { next: { after: next.id, link: '' } } }),
  })
}

function associationsRead(portal: Portal, r: Request, from?: string, to?: string): Answer {
  const { inputs } = input<{ inputs: { id: string }[] }>(r.body)
  limitBatch(inputs, 1000)
  const v4 = !r.path.startsWith('/crm/v3')
  const results: unknown[] = []
  const errors: { error: HubspotError }[] = []
  for (const { id } of inputs) {
    const all = portal.associated(from!, String(id), to!)
    if (all.length > 0)
      results.push(
        v4
          ? {
              from: { id: String(id) },
              to: all.map((a) => ({
                toObjectId: Number(a.id),
                associationTypes: a.types.map((t) => typeEntry(portal, from!, to!, t)),
              })),
            }
          : {
              from: { id: String(id) },
              to: all.flatMap((a) =>
                a.types.map((t) => ({
                  id: a.id,
                  type: typeName(portal, portal.table(from!).def.name, portal.table(to!).def.name, t),
                })),
              ),
            },
      )
    else
      errors.push({
        error: new HubspotError(
          404,
          'OBJECT_NOT_FOUND',
          `No ${portal.table(to!).def.singular} is associated with ${portal.table(from!).def.singular} ${id}.`,
          {
            subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND',
            context: {
              fromObjectId: [String(id)],
              fromObjectType: [portal.table(from!).def.singular],
              toObjectType: [portal.table(to!).def.singular],
            },
          },
        ),
      })
  }
  return errors.length > 0 ? ok(batchAnswer(portal, results, errors), 207) : ok(batchAnswer(portal, results))
}

interface LinkInput {
  from: { id: string }
  to: { id: string }
  types?: { associationCategory: string; associationTypeId: number }[]
  type?: string
}

function checkEnds(portal: Portal, from: string, to: string, inputs: LinkInput[]): void {
  for (const [type, side] of [
    [from, 'from'],
    [to, 'to'],
  ] as const) {
    const lost = inputs
      .map((i) => String(i[side].id))
      .filter((id) => {
        const o = portal.resolve(type, id)
        return !o || o.archived
      })
    if (lost.length > 0)
      throw new HubspotError(
        400,
        'VALIDATION_ERROR',
        `One or more ${portal.table(type).def.name} ids do not exist: [${lost.join(', ')}]`,
        { context: { ids: lost } },
      )
  }
}

function associationsCreate(portal: Portal, r: Request, from?: string, to?: string): Answer {
  const { inputs } = input<{ inputs: LinkInput[] }>(r.body)
  limitBatch(inputs, 2000)
  checkEnds(portal, from!, to!, inputs)
  const v4 = !r.path.startsWith('/crm/v3')
  const results = inputs.flatMap((i): unknown[] => {
    if (v4) {
      for (const t of i.types ?? [])
        portal.associate(from!, i.from.id, to!, i.to.id, t.associationCategory, t.associationTypeId, r.source)
      return [labelsAnswer(portal, from!, i.from.id, to!, i.to.id, i.types)]
    }
    const type = typeByName(portal, from!, to!, i.type ?? '')
    portal.associate(from!, i.from.id, to!, i.to.id, type.category, type.typeId, r.source)
    // v3 answers with both directions.
    const back = `${portal.table(to!).def.singular}_to_${portal.table(from!).def.singular}`
    return [
      { from: { id: i.from.id }, to: { id: i.to.id }, type: i.type },
      { from: { id: i.to.id }, to: { id: i.from.id }, type: back },
    ]
  })
  return ok(batchAnswer(portal, results), 201)
}

function labelsAnswer(
  portal: Portal,
  from: string,
  id: string,
  to: string,
  toId: string,
  types?: { associationCategory: string; associationTypeId: number }[],
) {
  const [a, b] = [portal.table(from).def, portal.table(to).def]
  const labels = (types ?? [])
    .map((t) => typeEntry(portal, from, to, `${t.associationCategory}:${t.associationTypeId}`).label)
    .filter((l) => l !== null)
  return {
    fromObjectTypeId: a.typeId,
    fromObjectId: Number(id),
    toObjectTypeId: b.typeId,
    toObjectId: Number(toId),
    labels,
  }
}

function associateDefault(portal: Portal, from: string, id: string, to: string, toId: string, source: Source): void {
  const plain = portal.associationTypes(from, to).find((t) => t.label === null)
  if (!plain) throw new HubspotError(400, 'VALIDATION_ERROR', `No default association between ${from} and ${to}`)
  portal.associate(from, id, to, toId, plain.category, plain.typeId, source)
}

function defaultAnswer(portal: Portal, from: string, id: string, to: string, toId: string) {
  const both = [
    [from, id, to, toId],
    [to, toId, from, id],
  ] as const
  return batchAnswer(
    portal,
    both.map(([f, i, t, ti]) => ({
      from: { id: String(i) },
      to: { id: String(ti) },
      associationSpec: {
        associationCategory: 'HUBSPOT_DEFINED',
        associationTypeId: portal.associationTypes(f, t).find((x) => x.label === null)?.typeId,
      },
    })),
  )
}

function associationsDefault(portal: Portal, r: Request, from?: string, to?: string): Answer {
  const { inputs } = input<{ inputs: LinkInput[] }>(r.body)
  limitBatch(inputs, 2000)
  checkEnds(portal, from!, to!, inputs)
  for (const i of inputs) associateDefault(portal, from!, i.from.id, to!, i.to.id, r.source)
  return ok(
    batchAnswer(
      portal,
      inputs.flatMap((i) => defaultAnswer(portal, from!, i.from.id, to!, i.to.id).results),
    ),
  )
}

function associationsArchive(portal: Portal, r: Request, from?: string, to?: string, what?: string): Answer {
  const { inputs } = input<{ inputs: (Omit<LinkInput, 'to'> & { to: { id: string } | { id: string }[] })[] }>(r.body)
  limitBatch(inputs, 2000)
  for (const i of inputs)
    for (const target of [i.to].flat())
      portal.dissociate(
        from!,
        String(i.from.id),
        to!,
        String(target.id),
        what === 'archive' ? undefined : i.types?.map((t) => ({ category: t.associationCategory, typeId: t.associationTypeId })),
        r.source,
      )
  return { status: 204 }
}

function associationLabels(portal: Portal, r: Request, from?: string, to?: string, what?: string): Answer {
  const types = portal.associationTypes(from!, to!)
  if (what === 'types')
    return ok({
      results: types.map((t) => ({
        id: String(t.typeId),
        name: typeName(portal, portal.table(from!).def.name, portal.table(to!).def.name, `${t.category}:${t.typeId}`),
      })),
    })
  void r
  return ok({ results: types.map(({ category, typeId, label }) => ({ category, typeId, label })) })
}

function createLabel(portal: Portal, r: Request, from?: string, to?: string): Answer {
  const { label, inverseLabel } = input<{ label: string; name: string; inverseLabel?: string }>(r.body)
  const id = 600 + portal.associations.length * 2
  portal.associations.push({
    from: portal.table(from!).def.name,
    to: portal.table(to!).def.name,
    category: 'USER_DEFINED',
    typeId: id,
    inverseId: id + 1,
    label,
    inverseLabel: inverseLabel ?? label,
  })
  return ok({
    results: [
      { category: 'USER_DEFINED', typeId: id, label },
      { category: 'USER_DEFINED', typeId: id + 1, label: inverseLabel ?? label },
    ],
  })
}

// --- owners, schemas --------------------------------------------------------------------------------

function owners(portal: Portal, r: Request): Answer {
  const archived = r.query.get('archived') === 'true'
  const email = r.query.get('email')
  const limit = Math.min(500, Number(r.query.get('limit') ?? 100))
  const after = Number(r.query.get('after') ?? 0)
  const all = [...portal.owners.values()].filter((o) => o.active !== archived && (!email || o.email === email))
  const page = all.slice(after, after + limit)
  const more = after + limit < all.length
  return ok({
    results: page.map(renderOwner),
    ...(more && {
      paging: {
        next: {
          after: String(after + limit),
          link: `https://api.hubapi.com/crm/v3/owners/?after=${after + limit}`,
        },
      },
    }),
  })
}

function propertyFrom(portal: Portal, def: TypeDef, given: Partial<PropertyDef>): PropertyDef {
  if (!given.name || !given.type)
    throw new HubspotError(400, 'VALIDATION_ERROR', 'Invalid input JSON: name and type are required')
  const made = property(`${given.name} ${given.type} custom`, given.groupName ?? `${def.singular}information`)
  const now = iso(portal.clock.now())
  return {
    ...made,
    label: given.label ?? given.name,
    fieldType: given.fieldType ?? made.fieldType,
    description: given.description ?? '',
    hasUniqueValue: given.hasUniqueValue ?? false,
    multiple: given.fieldType === 'checkbox',
    options: (given.options ?? []).map((o, i) => ({
      label: o.label,
      value: o.value,
      displayOrder: o.displayOrder ?? i,
      hidden: o.hidden ?? false,
    })),
    createdAt: now,
    updatedAt: now,
  }
}

function createSchema(portal: Portal, r: Request): Answer {
  const body = input<{
    name: string
    labels: TypeDef['labels']
    properties?: Partial<PropertyDef>[]
    requiredProperties?: string[]
    primaryDisplayProperty?: string
    searchableProperties?: string[]
    secondaryDisplayProperties?: string[]
    associatedObjects?: string[]
  }>(r.body)
  if (portal.find(body.name)) throw new HubspotError(409, 'CONFLICT', `Object type named ${body.name} already exists`)
  const number = 1001 + portal.tables.size
  const def: TypeDef = {
    name: body.name,
    singular: body.name,
    typeId: `2-${number}`,
    properties: new Map(),
    modified: 'hs_lastmodifieddate',
    pipelines: [],
    custom: true,
    labels: body.labels,
    createdAt: portal.clock.now(),
    requiredProperties: body.requiredProperties ?? [],
    primaryDisplayProperty: body.primaryDisplayProperty ?? 'name',
    searchableProperties: body.searchableProperties ?? [],
    secondaryDisplayProperties: body.secondaryDisplayProperties ?? [],
  }
  for (const line of [
    'hs_object_id number ro',
    'hs_createdate datetime ro',
    'hs_lastmodifieddate datetime ro',
    'hubspot_owner_id enumeration',
    'hs_merged_object_ids string ro',
    'concordat_id string uniq custom',
  ]) {
    const p = property(line)
    def.properties.set(p.name, p)
  }
  for (const p of body.properties ?? []) def.properties.set(p.name!, propertyFrom(portal, def, p))
  portal.addType(def)
  return ok(renderSchema(portal, def), 201)
}
