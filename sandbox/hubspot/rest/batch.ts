import { HubspotError } from '../errors.ts'
import type { Obj } from '../model.ts'
import type { Portal } from '../portal.ts'
import { createdRenderer, readRenderer, updatedRenderer } from '../record-body.ts'
import { batchAnswer, limitBatch, MAX_BATCH, missing, uniqueIds } from './batch-body.ts'
import { type BatchInput, createOne } from './records.ts'
import { type Answer, at, input, OBJECTS, ok, type Request, type Route } from './route.ts'

/** `/crm/v3/objects/{type}/batch/...`: a hundred records a request. */

export const routes: Route[] = [
  ['POST', at(`${OBJECTS}/([^/]+)/batch/read`), batchRead],
  ['POST', at(`${OBJECTS}/([^/]+)/batch/create`), batchCreate],
  ['POST', at(`${OBJECTS}/([^/]+)/batch/update`), batchUpdate],
  ['POST', at(`${OBJECTS}/([^/]+)/batch/upsert`), batchUpsert],
  [
    'POST',
    at(`${OBJECTS}/([^/]+)/batch/archive`),
    (p, r, type) => {
      const { inputs = [] } = input<{ inputs?: { id: string }[] }>(r.body)
      limitBatch(inputs)
      for (const { id } of inputs) p.archive(type!, id, r.source)
      return { status: 204 }
    },
  ],
]

function batchRead(portal: Portal, r: Request, type?: string): Answer {
  const { inputs, properties, propertiesWithHistory, idProperty } = input<{
    inputs: { id: string }[]
    properties?: string[]
    propertiesWithHistory?: string[]
    idProperty?: string
  }>(r.body)
  limitBatch(inputs, propertiesWithHistory?.length ? 50 : MAX_BATCH)
  const { def, objects } = portal.table(type!)
  const archived = r.query.get('archived') === 'true'
  const render = readRenderer(portal, def, properties, propertiesWithHistory)
  const results: unknown[] = []
  const lost: string[] = []
  for (const { id } of inputs) {
    // A batch read answers ids that were merged away with nothing; only a single GET follows them.
    const obj =
      idProperty && idProperty !== 'hs_object_id'
        ? portal.byUnique(type!, idProperty, String(id), archived)
        : objects.get(String(id))
    if (!obj || obj.archived !== archived) lost.push(String(id))
    else results.push(render(obj))
  }
  return lost.length > 0 ? ok(batchAnswer(portal, results, [missing(lost, def.name)]), 207) : ok(batchAnswer(portal, results))
}

/** Rows fail one by one only when every input carries a trace id; otherwise one bad row fails all. */
function batchCreate(portal: Portal, r: Request, type?: string): Answer {
  const { inputs } = input<{ inputs: BatchInput[] }>(r.body)
  limitBatch(inputs)
  const traced = inputs.every((i) => i.objectWriteTraceId !== undefined)
  const results: unknown[] = []
  const errors: unknown[] = []
  const made: Obj[] = []
  const render = createdRenderer(portal, portal.table(type!).def)
  for (const item of inputs) {
    try {
      const obj = createOne(portal, type!, item, r.source)
      made.push(obj)
      const body = render(obj)
      if (item.objectWriteTraceId !== undefined) body.objectWriteTraceId = item.objectWriteTraceId
      results.push(body)
    } catch (error) {
      if (!(error instanceof HubspotError)) throw error
      if (!traced) {
        for (const obj of made) portal.archive(type!, obj.id, r.source)
        throw error
      }
      const context = { ...error.detail.context, objectWriteTraceId: [item.objectWriteTraceId!] }
      errors.push({ ...error.toEntry(), context })
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
  const render = updatedRenderer(portal, portal.table(type!).def)
  const results: unknown[] = []
  for (const { item, obj } of targets)
    if (obj)
      results.push(render(portal.update(type!, obj.id, item.properties ?? {}, r.source), Object.keys(item.properties ?? {})))
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
  const render = createdRenderer(portal, portal.table(type!).def)
  const results = plans.map(({ item, obj }) => {
    const properties = { [item.idProperty!]: item.id, ...item.properties }
    const saved = obj ? portal.update(type!, obj.id, item.properties ?? {}, r.source) : portal.create(type!, properties, r.source)
    return {
      ...render(saved),
      new: !obj,
      ...(item.objectWriteTraceId !== undefined && { objectWriteTraceId: item.objectWriteTraceId }),
    }
  })
  return ok(batchAnswer(portal, results))
}
