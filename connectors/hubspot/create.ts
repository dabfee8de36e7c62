import type { Json } from '../../mappings/model/value.ts'
import type { CreateRequest, Outcome } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { HubspotClient } from './client.ts'
import { classify } from './errors.ts'
import { associationOf, batchAnswer, encodeRow, writtenSnapshot } from './wire.ts'

/** Every row carries its trace id: rows fail one by one, and answers are matched by it. */
export async function create(client: HubspotClient, { object, externalId, rows, sendBy }: CreateRequest): Promise<Outcome[]> {
  const inputs = rows.map(({ key, row }, i) => {
    const properties = encodeRow(row)
    properties[externalId] = key
    return { properties, associations: associationsOf(row), objectWriteTraceId: String(i) }
  })
  const { body, clock } = await client.request(
    { kind: 'write', what: `create ${rows.length} ${object}`, sendBy },
    { method: 'POST', path: `/crm/v3/objects/${object}/batch/create`, body: { inputs } },
    batchAnswer,
  )
  const outcomes: (Outcome | undefined)[] = rows.map(() => undefined)
  for (const r of body.results) {
    const at = Number(r.objectWriteTraceId ?? rows.findIndex((x) => x.key === r.properties[externalId]))
    if (rows[at]) outcomes[at] = { ok: true, id: r.id, created: true, snapshot: writtenSnapshot(r, clock) }
  }
  for (const e of body.errors ?? []) {
    const at = Number(e.context?.objectWriteTraceId?.[0] ?? -1)
    if (rows[at]) outcomes[at] = { ok: false, error: classify(207, e) }
  }
  return outcomes.map((o) => o ?? { ok: false, error: new CrmError('unknown_outcome', 'the answer does not mention this row') })
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
