import { z } from 'zod'

/** HubSpot's webhook events, brought to one question: which records must be read again? */

const event = z.looseObject({
  subscriptionType: z.string().optional(),
  /** HubSpot's documentation calls it so; real payloads say subscriptionType. */
  eventType: z.string().optional(),
  objectId: z.union([z.number(), z.string()]).optional(),
  objectTypeId: z.string().optional(),
  fromObjectId: z.union([z.number(), z.string()]).optional(),
  toObjectId: z.union([z.number(), z.string()]).optional(),
  associationType: z.string().optional(),
  primaryObjectId: z.union([z.number(), z.string()]).optional(),
  mergedObjectIds: z.array(z.union([z.number(), z.string()])).optional(),
  newObjectId: z.union([z.number(), z.string()]).optional(),
})
export const eventsSchema = z.array(event).max(1_000)

const OBJECTS: Record<string, string> = {
  contact: 'contacts',
  company: 'companies',
  deal: 'deals',
  '0-1': 'contacts',
  '0-2': 'companies',
  '0-3': 'deals',
}

export interface Touched {
  object: string
  externalId: string
}

/** Records that events speak of. Events about other objects say nothing to us. */
export function touchedBy(events: z.infer<typeof eventsSchema>): {
  touched: Touched[]
  newOrChanged: boolean
} {
  const touched: Touched[] = []
  let newOrChanged = false
  for (const e of events) {
    const [kind = '', what = ''] = (e.subscriptionType ?? e.eventType ?? '').split('.')
    const object = OBJECTS[e.objectTypeId ?? kind] ?? OBJECTS[kind]
    if (what === 'associationChange') {
      const [from = '', to = ''] = (e.associationType ?? '').toLowerCase().split('_to_')
      for (const [name, id] of [
        [from, e.fromObjectId],
        [to, e.toObjectId],
      ] as const)
        if (OBJECTS[name] && id !== undefined) touched.push({ object: OBJECTS[name], externalId: String(id) })
      continue
    }
    if (!object) continue
    for (const id of [e.objectId, e.primaryObjectId, e.newObjectId, ...(e.mergedObjectIds ?? [])])
      if (id !== undefined) touched.push({ object, externalId: String(id) })
    if (object !== 'contacts' && (what === 'creation' || what === 'propertyChange')) newOrChanged = true
  }
  return { touched, newOrChanged }
}
