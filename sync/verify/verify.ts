import { randomUUID } from 'node:crypto'
import { chunks, type Snapshot } from '../../connectors/connector.ts'
import { drawLinks, storeVerification } from '../../store/verifications.ts'
import { type Engine, inTransaction, storeCalls } from '../engine.ts'
import { withAssociations } from '../pull/work.ts'
import { columnsOf } from '../runtime.ts'
import { compare, missing, noVerification, type Verification } from './compare.ts'

/** Proves agreement: reads both CRMs, past lanes and caches, and compares field by field. */

const BATCH = 1_000

/** Compares everything, and keeps the result. */
export async function verify(engine: Engine, onProgress: (text: string) => void = () => {}): Promise<Verification> {
  const out = noVerification()
  for (const rt of engine.runtimes) {
    for (const object of rt.objects) {
      const seen = new Set<string>()
      let after: string | undefined
      do {
        const found: Snapshot[] = []
        do {
          const page = await rt.connector.list({ object, columns: columnsOf(rt, object), after })
          found.push(...page.snapshots)
          after = page.after
        } while (after && found.length < BATCH)
        for (const s of found) seen.add(s.id)
        const snapshots = await withAssociations(rt, object, found)
        await inTransaction(engine, (tx) => compare(tx, rt, object, snapshots, out))
        onProgress(`${rt.name} ${object}: ${seen.size}`)
      } while (after)
      await inTransaction(engine, (tx) => missing(tx, rt, object, seen, out))
    }
  }
  await keep(engine, out)
  return out
}

/**
 * Compares a sample of the linked rows: the same seed and the same rows give the same sample. Of what it cannot see,
 * rows that are missing or unknown, it says nothing.
 *
 * @param count rows of each connection.
 */
export async function verifySample(engine: Engine, count: number, seed: string): Promise<Verification & { sample: Sample }> {
  const out = noVerification()
  const wrong = new Set<string>()
  let of = 0
  for (const rt of engine.runtimes) {
    const { drawn, all } = await inTransaction(engine, (tx) => drawLinks(tx, rt.id, rt.objects, count, seed))
    of += all
    for (const [object, chosen] of Map.groupBy(drawn, (d) => d.object))
      for (const piece of chunks(chosen, rt.connector.batch.readByIds)) {
        const found = await rt.connector.readByIds({
          object,
          ids: piece.map((p) => p.externalId),
          columns: columnsOf(rt, object),
        })
        const snapshots = await withAssociations(
          rt,
          object,
          found.filter((s) => !s.deleted),
        )
        await inTransaction(engine, (tx) => compare(tx, rt, object, snapshots, out))
      }
  }
  for (const d of out.list) if (d.reason === null) wrong.add(`${Object.keys(d.values)[0]} ${d.externalId}`)
  await inTransaction(engine, async (tx) => {
    for (const rt of engine.runtimes) await storeCalls(tx, rt)
  })
  return { ...out, sample: { rows: out.compared, of, seed, disagreeAtMost: upperBound(wrong.size, out.compared) } }
}

/** What a sample says of the whole. */
export interface Sample {
  rows: number
  of: number
  seed: string
  /** Share of the rows that disagree without a reason: with 95 % confidence no more than this. */
  disagreeAtMost: number
}

/** The upper end of the 95 % interval (one-sided) for a share, after k of n (Wilson's score). */
export function upperBound(k: number, n: number): number {
  if (n === 0) return 1
  const z = 1.645
  const p = k / n
  const centre = p + (z * z) / (2 * n)
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  return Math.min(1, (centre + spread) / (1 + (z * z) / n))
}

async function keep(engine: Engine, out: Verification): Promise<void> {
  await inTransaction(engine, async (tx) => {
    const { list, ...summary } = out
    await storeVerification(tx, randomUUID(), summary, list)
    for (const rt of engine.runtimes) await storeCalls(tx, rt)
  })
}
