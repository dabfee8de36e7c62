import { z } from 'zod'
import type { MergeRequest } from '../connector.ts'
import type { HubspotClient } from './client.ts'

/** Merges one record into another: both become a third with an id of its own (since January 2025). */
export async function merge(client: HubspotClient, { object, keep, merge: goes, sendBy }: MergeRequest): Promise<void> {
  await client.request(
    { kind: 'write', what: `merge ${object} ${goes} into ${keep}`, sendBy },
    { method: 'POST', path: `/crm/v3/objects/${object}/merge`, body: { primaryObjectId: keep, objectIdToMerge: goes } },
    z.looseObject({ id: z.string() }),
  )
}
