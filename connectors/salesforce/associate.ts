import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import { type AssociateRequest, type AssociationChange, chunks, type Operation, type Outcome } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { SalesforceClient } from './client.ts'
import { BATCH } from './limits.ts'
import { queryAnswer, quote } from './wire.ts'
import { save } from './write.ts'

const contactRole = z.object({ Id: z.string(), OpportunityId: z.string(), ContactId: z.string(), IsPrimary: z.boolean() })
type ContactRole = z.infer<typeof contactRole>
const rolesAnswer = queryAnswer(z.array(contactRole))

/** A contact role to write. */
interface RoleWrite {
  /** Position of the change that it belongs to. */
  at: number
  record: Record<string, Json>
}

/** The primary contact of an opportunity is a contact role: found, then made or switched. */
export async function associate(
  client: SalesforceClient,
  { object, column, changes, fresh, sendBy }: AssociateRequest,
): Promise<Outcome[]> {
  if (object !== 'Opportunity' || column !== '@OpportunityContactRole#primary')
    throw new CrmError('unknown_field', `${object} has no association ${column} that can be written`, {
      fields: [column],
    })
  const present = fresh ? [] : await rolesOf(client, changes)
  const { creates, updates } = roleWrites(changes, present)
  const outcomes: Outcome[] = changes.map((c) => ({ ok: true, id: c.id }))
  for (const [method, work] of [
    ['PATCH', updates],
    ['POST', creates],
  ] as const) {
    for (const piece of chunks(work, BATCH.associate)) {
      const what = `contact roles of ${piece.length} opportunities`
      const operation: Operation = { kind: 'association_write', what, sendBy }
      const records = piece.map((p) => ({ attributes: { type: 'OpportunityContactRole' }, ...p.record }))
      const results = await save(client, operation, method, '/composite/sobjects', records)
      results.forEach((r, n) => {
        if (!r.ok) outcomes[piece[n]!.at] = r
      })
    }
  }
  return outcomes
}

async function rolesOf(client: SalesforceClient, changes: AssociationChange[]): Promise<ContactRole[]> {
  const found: ContactRole[] = []
  for (const piece of chunks(changes, BATCH.readByIds)) {
    const { body } = await client.query(
      'association_read',
      `SELECT Id, OpportunityId, ContactId, IsPrimary FROM OpportunityContactRole WHERE OpportunityId IN (${piece.map((c) => quote(c.id)).join(',')})`,
      rolesAnswer,
    )
    found.push(...body.records)
  }
  return found
}

/** What has to be written so that the roles that are there become those that should be. */
function roleWrites(changes: AssociationChange[], present: ContactRole[]): { creates: RoleWrite[]; updates: RoleWrite[] } {
  const creates: RoleWrite[] = []
  const updates: RoleWrite[] = []
  changes.forEach(({ id, add, remove }, at) => {
    for (const contact of remove) {
      const role = present.find((r) => r.OpportunityId === id && r.ContactId === contact && r.IsPrimary)
      if (role) updates.push({ at, record: { id: role.Id, IsPrimary: false } })
    }
    for (const contact of add) {
      const role = present.find((r) => r.OpportunityId === id && r.ContactId === contact)
      if (role) updates.push({ at, record: { id: role.Id, IsPrimary: true } })
      else creates.push({ at, record: { OpportunityId: id, ContactId: contact, IsPrimary: true } })
    }
  })
  return { creates, updates }
}
