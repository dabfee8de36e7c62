import type { RawRow } from '../../mappings/schema.ts'
import type { FindRequest, ListRequest, Page, ReadRequest, Snapshot } from '../connector.ts'
import type { SalesforceClient } from './client.ts'
import { BATCH } from './limits.ts'
import { quote, recordsAnswer, selectList, toSnapshots } from './wire.ts'

/** Reading rows by SOQL: page by page, by id, and by a value. */

/** One page of the living rows, in the order of their ids. */
export async function list(client: SalesforceClient, { object, columns, after }: ListRequest): Promise<Page> {
  const where = after ? ` WHERE Id > ${quote(after)}` : ''
  const { body, clock } = await client.query(
    'read',
    `SELECT ${selectList(object, columns)} FROM ${object}${where} ORDER BY Id LIMIT ${BATCH.list}`,
    recordsAnswer,
  )
  const snapshots = toSnapshots(object, body.records, columns, clock)
  return { snapshots, clock, ...(snapshots.length >= BATCH.list && { after: snapshots.at(-1)!.id }) }
}

/** Rows by id, deleted and merged ones included. */
export async function readByIds(client: SalesforceClient, { object, ids, columns, watch }: ReadRequest): Promise<Snapshot[]> {
  if (ids.length === 0) return []
  const { body, clock } = await client.query(
    watch ? 'watch' : 'read',
    `SELECT ${selectList(object, columns)} FROM ${object} WHERE Id IN (${ids.map(quote).join(',')})`,
    recordsAnswer,
    true,
  )
  return toSnapshots(object, body.records, columns, clock)
}

/** Child rows come with their record: a read by ids of these columns. */
export async function readAssociations(client: SalesforceClient, request: ReadRequest): Promise<Map<string, RawRow>> {
  const snapshots = await readByIds(client, request)
  return new Map(snapshots.map((s) => [s.id, s.row]))
}

/** Rows, deleted ones included, whose column has one of the values. */
export async function find(client: SalesforceClient, request: FindRequest): Promise<Snapshot[]> {
  const { object, column, values } = request
  const columns = [...request.columns, column]
  const { body, clock } = await client.query(
    'search',
    `SELECT ${selectList(object, columns)} FROM ${object} WHERE ${column} IN (${values.map(quote).join(',')})`,
    recordsAnswer,
    true,
  )
  return toSnapshots(object, body.records, columns, clock)
}
