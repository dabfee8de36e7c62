import { z } from 'zod'
import type { Outcome, RemoveRequest } from '../connector.ts'
import type { HubspotClient } from './client.ts'

/** Archives rows; HubSpot answers for the batch as a whole. */
export async function remove(client: HubspotClient, { object, ids, sendBy }: RemoveRequest): Promise<Outcome[]> {
  await client.request(
    { kind: 'write', what: `archive ${ids.length} ${object}`, sendBy },
    {
      method: 'POST',
      path: `/crm/v3/objects/${object}/batch/archive`,
      body: { inputs: ids.map((id) => ({ id })) },
    },
    z.unknown(),
  )
  return ids.map((id) => ({ ok: true, id }))
}
