import { z } from 'zod'
import type { HistoryAnswer, HistoryEntry, HistoryRequest } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { HubspotClient } from './client.ts'

/** Property history: who set what when, newest first. Fifty ids a call (HubSpot: batch read with propertiesWithHistory). */

const entries = z.array(
  z.looseObject({
    value: z.string().nullable(),
    timestamp: z.string(),
    sourceType: z.string().nullish(),
    sourceId: z.string().nullish(),
    updatedByUserId: z.number().nullish(),
  }),
)
const record = z.looseObject({ id: z.string(), propertiesWithHistory: z.record(z.string(), entries).default({}) })
const answer = z.looseObject({ results: z.array(record).default([]) })

/** Rows of an archive are read as well; one that was merged away is followed, under the id that was asked for. */
export async function history(client: HubspotClient, request: HistoryRequest): Promise<HistoryAnswer> {
  const { object, ids, columns } = request
  const rows: HistoryAnswer['rows'] = new Map()
  const put = (id: string, found: z.infer<typeof record>) =>
    rows.set(id, new Map(Object.entries(found.propertiesWithHistory).map(([column, of]) => [column, of.map(toEntry)])))
  const what = { kind: 'watch', what: `history of ${ids.length} ${object}` } as const
  let missing = ids
  for (const archived of [false, true]) {
    if (missing.length === 0) break
    const { body } = await client.request(
      what,
      {
        method: 'POST',
        path: `/crm/v3/objects/${object}/batch/read?archived=${archived}`,
        body: { inputs: missing.map((id) => ({ id })), properties: ['hs_object_id'], propertiesWithHistory: columns },
      },
      answer,
    )
    for (const found of body.results) put(found.id, found)
    missing = missing.filter((id) => !rows.has(id))
  }
  for (const id of missing) {
    try {
      const { body } = await client.request(
        what,
        { method: 'GET', path: `/crm/v3/objects/${object}/${id}`, qs: { propertiesWithHistory: columns.join(',') } },
        record,
      )
      put(id, body)
    } catch (error) {
      if (!(error instanceof CrmError) || error.class !== 'not_found') throw error
    }
  }
  return { tracked: new Set(columns), rows }
}

/** An app is named by its id, a person by `userId:` and theirs; `''` is null, as everywhere. */
function toEntry(e: z.infer<typeof entries>[number]): HistoryEntry {
  return {
    value: e.value === '' ? null : e.value,
    at: Date.parse(e.timestamp),
    by:
      e.sourceType === 'INTEGRATION'
        ? (e.sourceId ?? '')
        : e.updatedByUserId
          ? `userId:${e.updatedByUserId}`
          : (e.sourceId ?? ''),
    through: e.sourceType ?? '',
  }
}
