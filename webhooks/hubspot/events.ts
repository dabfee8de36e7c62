import { z } from 'zod'

/** HubSpot's webhook events, brought to one question: which records must be read again? */

const event = z.looseObject({
  subscriptionType: z.string().optional(),
  /** HubSpot's documentation calls it so; real payloads say subscriptionType. */
  eventType: z.string().optional(),
  objectId: z.union([z.number(), z.string()]).optional(),
  objectTypeId: z.string().optional(),
  portalId: z.union([z.number(), z.string()]).optional(),
  fromObjectId: z.union([z.number(), z.string()]).optional(),
  toObjectId: z.union([z.number(), z.string()]).optional(),
  associationType: z.string().optional(),
  primaryObjectId: z.union([z.number(), z.string()]).optional(),
  mergedObjectIds: z.array(z.union([z.number(), z.string()])).optional(),
  newObjectId: z.union([z.number(), z.string()]).optional(),
  occurredAt: z.number().optional(),
  changeSource: z.string().optional(),
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
  /** When the row changed: a later version that is known already says all of it. Not of people's associations: those have none. */
  asOf?: number | undefined
  /** A program did it, perhaps this one, whose write is not answered yet. */
  byProgram: boolean
}

/** A program that makes a row makes its associations in the same breath; who has read the row since has read them. */
const WITH_ROW_MS = 1_000
const madeWithRow = (e: z.infer<typeof event>, byProgram: boolean): number | undefined =>
  byProgram && e.occurredAt !== undefined ? e.occurredAt - WITH_ROW_MS : undefined

/** Records that events speak of. Events about other objects say nothing to us. */
export function touchedBy(events: z.infer<typeof eventsSchema>): {
  touched: Touched[]
  newOrChanged: boolean
} {
  const touched: Touched[] = []
  let newOrChanged = false
  for (const e of events) {
    const byProgram = e.changeSource === 'INTEGRATION'
    const [kind = '', what = ''] = (e.subscriptionType ?? e.eventType ?? '').split('.')
    const object = OBJECTS[e.objectTypeId ?? kind] ?? OBJECTS[kind]
    if (what === 'associationChange') {
      const [from = '', to = ''] = (e.associationType ?? '').toLowerCase().split('_to_')
      for (const [name, id] of [
        [from, e.fromObjectId],
        [to, e.toObjectId],
      ] as const)
        if (OBJECTS[name] && id !== undefined)
          touched.push({ object: OBJECTS[name], externalId: String(id), asOf: madeWithRow(e, byProgram), byProgram })
      continue
    }
    if (!object) continue
    const asOf = what === 'creation' || what === 'propertyChange' ? e.occurredAt : undefined
    for (const id of [e.objectId, e.primaryObjectId, e.newObjectId, ...(e.mergedObjectIds ?? [])])
      if (id !== undefined) touched.push({ object, externalId: String(id), asOf, byProgram })
    if (object !== 'contacts' && (what === 'creation' || what === 'propertyChange')) newOrChanged = true
  }
  return { touched, newOrChanged }
}
