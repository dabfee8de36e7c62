import { z } from 'zod'
import type { AssociateRequest, Outcome } from '../connector.ts'
import { chunks } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { HubspotClient } from './client.ts'
import { writeAround } from './halving.ts'
import { BATCH } from './limits.ts'
import { associationOf } from './wire.ts'

interface Association {
  /** Position of the change that it belongs to. */
  at: number
  from: string
  to: string
}

/** Archives the labels of associations that should go, then creates those that should be. */
export async function associate(
  client: HubspotClient,
  { object, column, changes, sendBy }: AssociateRequest,
): Promise<Outcome[]> {
  const type = associationOf(column)
  if (!type)
    throw new CrmError('unknown_field', `${object} has no association ${column} that can be written`, {
      fields: [column],
    })
  const types = [{ associationCategory: type.category, associationTypeId: type.typeId }]
  const outcomes: Outcome[] = changes.map((c) => ({ ok: true, id: c.id }))
  const steps = [
    ['labels/archive', 'remove'],
    ['create', 'add'],
  ] as const
  for (const [op, key] of steps) {
    const wanted = changes.flatMap((c, at) => c[key].map((to): Association => ({ at, from: c.id, to })))
    for (const piece of chunks(wanted, BATCH.associate)) {
      const results = await writeAround(
        piece.length,
        async (positions) => {
          const inputs = positions.map((p) => ({ from: { id: piece[p]!.from }, to: { id: piece[p]!.to }, types }))
          await client.request(
            { kind: 'association_write', what: `${op} ${inputs.length} ${object} to ${type.to}`, sendBy },
            { method: 'POST', path: `/crm/v4/associations/${object}/${type.to}/batch/${op}`, body: { inputs } },
            z.unknown(),
          )
          return positions.map((p) => ({ ok: true as const, id: piece[p]!.from }))
        },
        (error, positions) =>
          positions.filter((p) => error.detail.ids?.includes(piece[p]!.from) || error.detail.ids?.includes(piece[p]!.to)),
      )
      results.forEach((r, n) => {
        if (!r.ok) outcomes[piece[n]!.at] = r
      })
    }
  }
  return outcomes
}
