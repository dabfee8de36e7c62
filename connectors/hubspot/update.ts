import type { RawRow } from '../../mappings/schema.ts'
import type { Outcome, UpdateRequest } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { HubspotClient } from './client.ts'
import { writeAround } from './halving.ts'
import { batchAnswer, encodeRow, writtenSnapshot } from './wire.ts'

/** One bad row fails a whole update: it is found and the rest is written. */
export async function update(client: HubspotClient, { object, rows, sendBy }: UpdateRequest): Promise<Outcome[]> {
  return writeAround(
    rows.length,
    async (positions) => {
      const inputs = positions.map((p) => ({ id: rows[p]!.id, properties: encodeRow(rows[p]!.row) }))
      const { body, clock } = await client.request(
        { kind: 'write', what: `update ${inputs.length} ${object}`, sendBy },
        { method: 'POST', path: `/crm/v3/objects/${object}/batch/update`, body: { inputs } },
        batchAnswer,
      )
      const byId = new Map(body.results.map((r) => [r.id, r]))
      const lost = new Set((body.errors ?? []).flatMap((e) => e.context?.ids ?? []))
      return positions.map((p): Outcome => {
        const { id } = rows[p]!
        const r = byId.get(id)
        if (r) return { ok: true, id, snapshot: writtenSnapshot(r, clock) }
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

/** Whether an error names this row: by id, or by a value that stands in its text beside the property's name. */
function blamed(error: CrmError, id: string, row: RawRow): boolean {
  if (error.detail.ids) return error.detail.ids.includes(id)
  return (error.detail.fields ?? []).some(
    (f) => f in row && row[f] !== null && String(row[f]).length > 2 && error.message.includes(String(row[f])),
  )
}
