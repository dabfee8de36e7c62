import { chunks } from '../../connectors/connector.ts'
import type { Entity } from '../../mappings/model/model.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { mappingOf } from '../runtime.ts'
import type { Difference } from './compare.ts'

/**
 * Queues what may put differences right that nothing explains: their rows are read again and merged like any read, their
 * records are compared with what was agreed, and rows that are missing are made. The lanes do it, with everything that
 * holds them: conflicts stay conflicts, deletes and clears stop at the brake.
 *
 * @returns how many differences were queued.
 */
export async function repair(engine: Engine, differences: readonly Difference[]): Promise<number> {
  const open = differences.filter((d) => d.reason === null)
  for (const piece of chunks(open, PIECE)) await queue(engine, piece)
  if (open.length > 0)
    for (const rt of engine.runtimes) for (const direction of ['pull', 'push'] as const) engine.nudge(rt.id, direction)
  return open.length
}

/** Differences that are queued in one transaction. */
const PIECE = 5_000

async function queue(engine: Engine, open: readonly Difference[]): Promise<void> {
  await inTransaction(engine, async (tx) => {
    for (const rt of engine.runtimes) {
      const here = open.flatMap((d) => {
        const mapping = rt.name in d.values ? mappingOf(rt, d.entity as Entity) : undefined
        return mapping ? [{ ...d, object: mapping.object }] : []
      })
      const rows = here.filter((d) => d.externalId !== '')
      await queues.touchInbox(tx, rt.id, rows, 'a verification found a difference')
      const absent = Map.groupBy(
        here.filter((d) => d.externalId === '' && d.recordId !== null),
        (d) => `${d.object} ${d.entity}`,
      )
      for (const of of absent.values())
        await links.fanOut(
          tx,
          rt.id,
          of[0]!.object,
          of[0]!.entity,
          of.map((d) => d.recordId!),
        )
    }
    await queues.touchOutbox(tx, [...new Set(open.flatMap((d) => d.recordId ?? []))])
  })
}
