import { z } from 'zod'
import type { RawRow } from '../../mappings/schema.ts'
import { chunks, type ReadRequest } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { HubspotClient } from './client.ts'
import { BATCH } from './limits.ts'
import { associationOf, batchAnswer, CHILDREN } from './wire.ts'

/** What stands for "it has none", among the errors of an answer. */
const NONE = 'crm.associations.NO_ASSOCIATIONS_FOUND'

const associationsAnswer = z.looseObject({
  errors: z
    .array(z.looseObject({ subCategory: z.unknown(), context: z.record(z.string(), z.array(z.string())).optional() }))
    .default([]),
  results: z.array(
    z.looseObject({
      from: z.looseObject({ id: z.string() }),
      paging: z.looseObject({ next: z.looseObject({ after: z.string() }).optional() }).optional(),
      to: z.array(
        z.looseObject({
          toObjectId: z.union([z.number(), z.string()]),
          associationTypes: z.array(z.looseObject({ category: z.string(), typeId: z.number() })),
        }),
      ),
    }),
  ),
})

/**
 * Reads association columns of records, one call per associated object: id -> column -> ids. A record that the answer
 * neither holds nor says to have none is left out: what could not be read is no blank.
 */
export async function readAssociations(
  client: HubspotClient,
  { object, ids, columns }: ReadRequest,
): Promise<Map<string, RawRow>> {
  const found = new Map<string, RawRow>(ids.map((id) => [id, {}]))
  const byTarget = Map.groupBy(columns, (c) => CHILDREN[object]?.[c]?.to ?? associationOf(c)?.to ?? '')
  if (byTarget.has(''))
    throw new CrmError('unknown_field', `${object} has no association ${byTarget.get('')![0]}`, {
      fields: byTarget.get('')!,
    })
  for (const [to, ofTarget] of byTarget) {
    const typed = ofTarget.map((column) => ({ column, type: associationOf(column) }))
    const targets = await readTargets(client, object, to, ids)
    for (const [id, associated] of targets) {
      const row = found.get(id)
      if (!row) continue
      for (const { column, type } of typed)
        row[column] = associated
          .filter((t) => !type || t.associationTypes.some((a) => a.category === type.category && a.typeId === type.typeId))
          .map((t) => String(t.toObjectId))
          .sort()
    }
    const children = CHILDREN[object]
    for (const column of ofTarget) if (children?.[column]) await replaceByValues(client, found, column, children[column])
  }
  return found
}

type Target = z.infer<typeof associationsAnswer>['results'][number]['to'][number]

/** What records point at, all pages; those of which the answer says nothing are left out. */
async function readTargets(
  client: HubspotClient,
  object: string,
  to: string,
  ids: readonly string[],
): Promise<Map<string, Target[]>> {
  const found = new Map<string, Target[]>()
  let inputs: { id: string; after?: string }[] = ids.map((id) => ({ id }))
  while (inputs.length > 0) {
    const { body } = await client.request(
      { kind: 'association_read', what: `${object} to ${to}` },
      { method: 'POST', path: `/crm/v4/associations/${object}/${to}/batch/read`, body: { inputs } },
      associationsAnswer,
    )
    for (const r of body.results) found.set(r.from.id, [...(found.get(r.from.id) ?? []), ...r.to])
    for (const e of body.errors)
      if (e.subCategory === NONE) for (const id of Object.values(e.context ?? {}).flat()) found.set(id, found.get(id) ?? [])
    inputs = body.results.flatMap((r) => (r.paging?.next ? [{ id: r.from.id, after: r.paging.next.after }] : []))
  }
  return found
}

/** Puts names in place of the ids of children (line items), read in batches. */
async function replaceByValues(
  client: HubspotClient,
  rows: Map<string, RawRow>,
  column: string,
  { to, property }: { to: string; property: string },
): Promise<void> {
  const read = [...rows.values()].filter((r) => r[column] !== undefined)
  const ids = [...new Set(read.flatMap((r) => r[column] as string[]))]
  const names = new Map<string, string>()
  for (const piece of chunks(ids, BATCH.readByIds)) {
    const { body } = await client.request(
      { kind: 'association_read', what: `read ${piece.length} ${to}` },
      {
        method: 'POST',
        path: `/crm/v3/objects/${to}/batch/read`,
        body: { inputs: piece.map((id) => ({ id })), properties: [property] },
      },
      batchAnswer,
    )
    for (const r of body.results) if (r.properties[property]) names.set(r.id, r.properties[property])
  }
  for (const row of read)
    row[column] = [...new Set((row[column] as string[]).map((x) => names.get(x)).filter((n) => n !== undefined))].sort()
}
