import { z } from 'zod'
import type { RawRow } from '../../mappings/schema.ts'
import { chunks, type ReadRequest } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { HubspotClient } from './client.ts'
import { BATCH } from './limits.ts'
import { associationOf, batchAnswer, CHILDREN } from './wire.ts'

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

/** Reads association columns of records, one call per associated object: id -> column -> ids. */
export async function readAssociations(
  client: HubspotClient,
  { object, ids, columns }: ReadRequest,
): Promise<Map<string, RawRow>> {
  const found = new Map<string, RawRow>(ids.map((id) => [id, Object.fromEntries(columns.map((c) => [c, []]))]))
  const byTarget = Map.groupBy(columns, (c) => CHILDREN[object]?.[c]?.to ?? associationOf(c)?.to ?? '')
  if (byTarget.has(''))
    throw new CrmError('unknown_field', `${object} has no association ${byTarget.get('')![0]}`, {
      fields: byTarget.get('')!,
    })
  for (const [to, ofTarget] of byTarget) {
    const { body } = await client.request(
      { kind: 'association_read', idempotent: true, what: `${object} to ${to}` },
      {
        method: 'POST',
        path: `/crm/v4/associations/${object}/${to}/batch/read`,
        body: { inputs: ids.map((id) => ({ id })) },
      },
      associationsAnswer,
    )
    const children = CHILDREN[object]
    const typed = ofTarget.map((column) => ({ column, type: associationOf(column) }))
    for (const r of body.results) {
      const row = found.get(r.from.id)
      if (!row) continue
      for (const { column, type } of typed) {
        row[column] = r.to
          .filter((t) => !type || t.associationTypes.some((a) => a.category === type.category && a.typeId === type.typeId))
          .map((t) => String(t.toObjectId))
          .sort()
      }
    }
    for (const column of ofTarget) if (children?.[column]) await replaceByValues(client, found, column, children[column])
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
  const ids = [...new Set([...rows.values()].flatMap((r) => r[column] as string[]))]
  const names = new Map<string, string>()
  for (const piece of chunks(ids, BATCH.readByIds)) {
    const { body } = await client.request(
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
