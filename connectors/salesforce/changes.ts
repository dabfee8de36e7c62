import { z } from 'zod'
import type { ChangesPage, ChangesRequest, Cursor, Snapshot } from '../connector.ts'
import { API_VERSION, type SalesforceClient } from './client.ts'
import { classify, type SalesforceErrorEntry, undocumented } from './errors.ts'
import { quote, recordsAnswer, selectList, toSnapshots } from './wire.ts'

const PAGE = 2000

const compositeAnswer = z.object({
  compositeResponse: z.array(z.object({ httpStatusCode: z.number(), body: z.unknown() })),
})

/** Up to five objects are polled in one composite call. Deleted rows come along (queryAll). */
export async function changes(client: SalesforceClient, requests: ChangesRequest[]): Promise<ChangesPage[]> {
  const compositeRequest = requests.map((request, i) => ({
    method: 'GET',
    url: `/services/data/v${API_VERSION}/queryAll?q=${encodeURIComponent(soqlOf(request))}`,
    referenceId: `q${i}`,
  }))
  const { body, clock } = await client.request(
    { kind: 'read', what: `changes of ${requests.map((r) => r.object).join(', ')}` },
    { method: 'POST', url: '/composite', body: JSON.stringify({ allOrNone: false, compositeRequest }) },
    compositeAnswer,
  )
  const pages: ChangesPage[] = []
  for (const [i, part] of body.compositeResponse.entries()) {
    const { object, columns } = requests[i]!
    if (part.httpStatusCode >= 400) {
      const error = classify((part.body as SalesforceErrorEntry[])[0]!, part.httpStatusCode)
      // A field or an object that went: the other objects have been asked all the same.
      if (error.class !== 'unknown_field') throw error
      pages.push({ object, snapshots: [], error })
      continue
    }
    const answer = recordsAnswer.safeParse(part.body)
    if (!answer.success) throw undocumented(`changes of ${object}`, answer.error)
    const { records } = await client.whole({ kind: 'read', what: `changes of ${object}` }, answer.data, recordsAnswer)
    const snapshots = toSnapshots(object, records, columns, clock)
    const last = snapshots.at(-1)
    const full = snapshots.length >= PAGE
    pages.push({ object, snapshots, ...(last && { [full ? 'next' : 'upTo']: cursorAt(last, clock, full) }) })
  }
  return pages
}

function soqlOf({ object, columns, since }: ChangesRequest): string {
  const at = new Date(since.version).toISOString()
  const after = since.id ? ` AND (SystemModstamp > ${at} OR Id > ${quote(since.id)})` : ''
  return `SELECT ${selectList(object, columns)} FROM ${object} WHERE SystemModstamp >= ${at}${after} ORDER BY SystemModstamp, Id LIMIT ${PAGE}`
}

/**
 * Stamps are whole seconds. Within a second that is not over more rows may come, of smaller ids too: the next poll
 * reads it again from its beginning. Once it is over it goes on behind its last row.
 */
const cursorAt = (last: Snapshot, clock: number, inside: boolean): Cursor => ({
  version: last.version,
  id: inside || clock >= last.version + 2_000 ? last.id : '',
})
