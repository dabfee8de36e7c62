import { randomUUIDv7 } from 'node:crypto'
import type { Fields } from '../mappings/state.ts'
import type { Tx } from '../store/database.ts'
import * as links from '../store/links.ts'
import * as records from '../store/records.ts'
import type { ApplyContext, Batch } from './batch.ts'

/** A lead that was converted lives on as an account, a contact and a deal: its row is listed with each of them. */

const TARGETS = ['convertedAccount', 'convertedContact', 'convertedDeal'] as const

/** What a batch says of leads that were converted: their rows are linked to what they became, for people to follow. */
export async function followConversions(tx: Tx, ctx: ApplyContext, batch: Batch): Promise<void> {
  const became = new Map<string, string[]>()
  const note = (leadId: string, fields: Fields) => {
    const targets = TARGETS.map((name) => fields[name]?.v).filter((v) => typeof v === 'string')
    if (targets.length > 0) became.set(leadId, targets)
  }
  for (const made of batch.newRecords) if (made.entity === 'lead') note(made.id, made.fields)
  for (const [id, fields] of batch.recordChanges) note(id, fields)
  if (became.size === 0) return
  const targets = new Map((await records.readRecords(tx, [...new Set([...became.values()].flat())])).map((r) => [r.id, r]))
  const rows = (await links.linksOfRecords(tx, [...became.keys()])).filter(
    (l) => l.connectionId === ctx.rt.id && l.state === 'live' && l.externalId !== null,
  )
  const listed = rows.flatMap((lead) =>
    became.get(lead.recordId!)!.flatMap((id) => {
      const record = targets.get(id)
      return record ? [{ lead, record }] : []
    }),
  )
  await links.insertLinks(
    tx,
    listed.map(({ lead, record }) => ({
      id: randomUUIDv7(),
      connectionId: lead.connectionId,
      object: lead.object,
      entity: record.entity,
      externalId: lead.externalId,
      recordId: record.id,
      state: 'converted',
      base: {},
      seen: lead.seen,
    })),
  )
  await records.appendChanges(
    tx,
    listed.map(({ lead, record }) => ({
      recordId: record.id,
      connectionId: lead.connectionId,
      runId: ctx.runId,
      kind: 'link',
      origin: lead.connectionId,
      version: record.version,
      fields: {},
    })),
  )
}
