import type { FindRequest, ListRequest, Page, ReadRequest, Snapshot } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { HubspotClient } from './client.ts'
import { BATCH } from './limits.ts'
import { batchAnswer, objectAnswer, pageAnswer, propertiesOf, toSnapshots } from './wire.ts'

/** Reading rows: page by page, and by id. */

/** One page of the living rows. */
export async function list(client: HubspotClient, { object, columns, after }: ListRequest): Promise<Page> {
  const { body, clock } = await client.request(
    { kind: 'read', what: `list ${object}` },
    {
      method: 'GET',
      path: `/crm/v3/objects/${object}`,
      qs: {
        limit: BATCH.list,
        properties: propertiesOf(columns),
        archived: 'false',
        ...(after && { after }),
      },
    },
    pageAnswer,
  )
  const next = body.paging?.next?.after
  return { snapshots: toSnapshots(body.results, columns, clock), clock, ...(next && { after: next }) }
}

/** Ids that a batch read leaves out are archived, merged or gone: archived ones are read in a second call, the rest one by one. */
export async function readByIds(client: HubspotClient, { object, ids, columns, watch }: ReadRequest): Promise<Snapshot[]> {
  const found: Snapshot[] = []
  let missing = ids
  for (const archived of [false, true]) {
    if (missing.length === 0) break
    found.push(...(await readBatch(client, { object, ids: missing, columns, ...(watch && { watch }) }, archived)))
    const seen = new Set(found.map((s) => s.id))
    missing = missing.filter((id) => !seen.has(id))
  }
  for (const id of missing) {
    const snapshot = await readMerged(client, object, id, columns)
    if (snapshot) found.push(snapshot)
  }
  return found
}

async function readBatch(
  client: HubspotClient,
  { object, ids, columns, watch }: ReadRequest,
  archived: boolean,
): Promise<Snapshot[]> {
  const { body, clock } = await client.request(
    { kind: watch ? 'watch' : 'read', what: `read ${ids.length} ${object}` },
    {
      method: 'POST',
      path: `/crm/v3/objects/${object}/batch/read?archived=${archived}`,
      body: { inputs: ids.map((id) => ({ id })), properties: propertiesOf(columns) },
    },
    batchAnswer,
  )
  const at = body.startedAt ? Date.parse(body.startedAt) : clock
  return toSnapshots(body.results, columns, at)
}

/**
 * A read of one id follows a merge: the answer is the record that stands in its place, under its own id. That one may be
 * archived by now.
 */
async function readMerged(client: HubspotClient, object: string, id: string, columns: string[]): Promise<Snapshot | undefined> {
  for (const archived of ['false', 'true']) {
    try {
      const { body, clock } = await client.request(
        { kind: 'read', what: `read ${object} ${id}` },
        { method: 'GET', path: `/crm/v3/objects/${object}/${id}`, qs: { properties: propertiesOf(columns), archived } },
        objectAnswer,
      )
      const [snapshot] = toSnapshots([body], columns, clock)
      return { ...snapshot!, asked: id }
    } catch (error) {
      if (!(error instanceof CrmError && error.class === 'not_found')) throw error
    }
  }
  return undefined
}

/** Rows, archived ones included, whose unique property has one of the values. */
export async function find(client: HubspotClient, { object, column, values, columns }: FindRequest): Promise<Snapshot[]> {
  const found: Snapshot[] = []
  for (const archived of [false, true]) {
    const known = new Set(found.map((s) => s.row[column]))
    const missing = values.filter((v) => !known.has(v))
    if (missing.length === 0) break
    const { body, clock } = await client.request(
      { kind: 'read', what: `find ${missing.length} ${object} by ${column}` },
      {
        method: 'POST',
        path: `/crm/v3/objects/${object}/batch/read?archived=${archived}`,
        body: { inputs: missing.map((id) => ({ id })), idProperty: column, properties: propertiesOf([...columns, column]) },
      },
      batchAnswer,
    )
    found.push(...toSnapshots(body.results, [...columns, column], clock))
  }
  return found
}
