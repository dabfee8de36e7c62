import { z } from 'zod'
import type { ObjectSchema } from '../../mappings/schema.ts'
import type { CreateRequest, Operation, Outcome, RemoveRequest, UpdateRequest, UpdateRow } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { SalesforceClient } from './client.ts'
import { classify, type SalesforceErrorEntry } from './errors.ts'
import { encodeInto } from './wire.ts'

/** Writing rows by sObject Collections: up to 200 rows of one call, each with a result of its own. */

const saveResults = z.array(
  z.looseObject({
    id: z.string().optional(),
    success: z.boolean(),
    created: z.boolean().optional(),
    errors: z.array(z.looseObject({ message: z.string(), statusCode: z.string().optional() })).default([]),
  }),
)

/** Upserts on the external id: a repeat of the same create updates the row that it made. */
export async function create(
  client: SalesforceClient,
  { object, externalId, rows, sendBy }: CreateRequest,
  schema: ObjectSchema | undefined,
): Promise<Outcome[]> {
  const records = rows.map(({ key, row }) => encodeInto({ attributes: { type: object }, [externalId]: key }, schema, row))
  const operation: Operation = { kind: 'write', what: `create ${rows.length} ${object}`, sendBy }
  return save(client, operation, 'PATCH', `/composite/sobjects/${object}/${externalId}`, records)
}

/** Updates rows by id; a single row, if asked, only where nobody has changed it since it was read. */
export async function update(
  client: SalesforceClient,
  { object, rows, sendBy }: UpdateRequest,
  schema: ObjectSchema | undefined,
): Promise<Outcome[]> {
  const [only] = rows
  if (rows.length === 1 && only!.unmodifiedSince !== undefined) return [await updateIf(client, object, only!, sendBy, schema)]
  const records = rows.map(({ id, row }) => encodeInto({ attributes: { type: object }, id }, schema, row))
  const operation: Operation = { kind: 'write', what: `update ${rows.length} ${object}`, sendBy }
  return save(client, operation, 'PATCH', '/composite/sobjects', records)
}

/** One row, on a condition (REST API: conditional requests; it compares LastModifiedDate, in whole seconds). */
async function updateIf(
  client: SalesforceClient,
  object: string,
  { id, row, unmodifiedSince }: UpdateRow,
  sendBy: number | undefined,
  schema: ObjectSchema | undefined,
): Promise<Outcome> {
  try {
    await client.request(
      { kind: 'write', what: `update ${object} ${id}`, sendBy },
      {
        method: 'PATCH',
        url: `/sobjects/${object}/${id}`,
        body: JSON.stringify(encodeInto({}, schema, row)),
        headers: { 'If-Unmodified-Since': new Date(unmodifiedSince!).toUTCString() },
      },
      z.unknown(),
    )
    return { ok: true, id }
  } catch (error) {
    // What is wrong with the row is the row's outcome; anything else is the call's.
    if (error instanceof CrmError && (error.aboutRequest || error.class === 'locked')) return { ok: false, error }
    throw error
  }
}

/** Deletes rows by id; they go to the recycle bin. */
export async function remove(client: SalesforceClient, { ids, object, sendBy }: RemoveRequest): Promise<Outcome[]> {
  const { body } = await client.request(
    { kind: 'write', what: `delete ${ids.length} ${object}`, sendBy },
    { method: 'DELETE', url: `/composite/sobjects?ids=${ids.join(',')}&allOrNone=false` },
    saveResults,
  )
  return body.map(toOutcome)
}

const undeleteResult = z.looseObject({
  id: z.string().optional(),
  success: z.string(),
  errors: z.looseObject({ message: z.string(), statusCode: z.string().optional() }).optional(),
})

/** Takes rows out of the recycle bin; what was deleted below them comes back with them. SOAP alone can. */
export async function restore(client: SalesforceClient, { ids, object, sendBy }: RemoveRequest): Promise<Outcome[]> {
  const operation: Operation = { kind: 'write', what: `restore ${ids.length} ${object}`, sendBy }
  const answer = await client.soap(
    operation,
    'undelete',
    z.union([undeleteResult, z.array(undeleteResult)]),
    ids.map((id) => `<ids>${id}</ids>`).join(''),
  )
  const results = [answer].flat()
  if (results.length !== ids.length)
    throw new CrmError('unknown_outcome', `${ids.length} rows were to be restored and ${results.length} results came back`)
  return results.map((r, i) =>
    r.success === 'true'
      ? { ok: true, id: ids[i]! }
      : { ok: false, error: classify((r.errors ?? { message: 'no reason given' }) as SalesforceErrorEntry) },
  )
}

/** Saves records, each on its own; one outcome per record, in their order. */
export async function save(
  client: SalesforceClient,
  operation: Operation,
  method: 'POST' | 'PATCH',
  url: string,
  records: unknown[],
): Promise<Outcome[]> {
  const { body } = await client.request(
    operation,
    { method, url, body: JSON.stringify({ allOrNone: false, records }) },
    saveResults,
  )
  if (body.length !== records.length)
    throw new CrmError('unknown_outcome', `${records.length} rows were sent and ${body.length} results came back`)
  return body.map(toOutcome)
}

function toOutcome(result: z.infer<typeof saveResults>[number]): Outcome {
  if (result.success && result.id)
    return { ok: true, id: result.id, ...(result.created !== undefined && { created: result.created }) }
  return {
    ok: false,
    error: classify((result.errors[0] ?? { message: 'no reason given' }) as SalesforceErrorEntry),
  }
}
