import { z } from 'zod'
import type { TaskRequest } from '../connector.ts'
import type { HubspotClient } from './client.ts'

/** HubSpot's own association types of a task (API: association type values). */
const TASK_TO: Record<string, number> = { companies: 192, deals: 216, contacts: 204 }

/** Puts a task on a record, for a person. @returns its id. */
export async function task(client: HubspotClient, { object, id, subject, body, owner, due }: TaskRequest): Promise<string> {
  const type = TASK_TO[object]
  const { body: answer } = await client.request(
    { kind: 'write', what: `task on ${object} ${id}` },
    {
      method: 'POST',
      path: '/crm/v3/objects/tasks',
      body: {
        properties: {
          hs_task_subject: subject,
          hs_task_body: body,
          hs_task_status: 'NOT_STARTED',
          hs_task_priority: 'HIGH',
          hs_timestamp: new Date(due).toISOString(),
          ...(owner && { hubspot_owner_id: owner }),
        },
        associations: type ? [{ to: { id }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: type }] }] : [],
      },
    },
    z.looseObject({ id: z.string() }),
  )
  return answer.id
}
