import type { Outcome } from '../connector.ts'
import { CrmError } from '../errors.ts'

/**
 * Writes a batch that the CRM accepts or refuses as a whole. Rows that the error names are taken out and
 * the rest is sent again; where it names none, the batch is halved until the bad rows stand alone. For k
 * bad rows of n that is at most 2 k log2 n further calls.
 *
 * @param send writes rows (positions in the batch) and answers one outcome each, or throws a CrmError.
 * @param blame positions that an error names, among those sent.
 */
export async function writeAround(
  size: number,
  send: (positions: number[]) => Promise<Outcome[]>,
  blame: (error: CrmError, positions: number[]) => number[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = new Array(size)
  const work: number[][] = [Array.from({ length: size }, (_, i) => i)]
  while (work.length > 0) {
    const positions = work.pop()!
    if (positions.length === 0) continue
    let error: CrmError
    try {
      const results = await send(positions)
      positions.forEach((p, i) => {
        outcomes[p] = results[i]!
      })
      continue
    } catch (thrown) {
      error = thrown as CrmError
      if (error.name !== 'CrmError') throw thrown
      if (!isAboutRows(error)) {
        // What was written before is told; what was not sent any more is tried again.
        if (outcomes.every((o) => !o?.ok)) throw thrown
        for (const p of positions) outcomes[p] = { ok: false, error }
        const rest = new CrmError('unavailable', `not sent: ${error.message}`, error.detail)
        for (const p of work.flat()) outcomes[p] = { ok: false, error: rest }
        return outcomes
      }
    }
    if (positions.length === 1) {
      outcomes[positions[0]!] = { ok: false, error }
      continue
    }
    const guilty = new Set(blame(error, positions))
    if (guilty.size > 0 && guilty.size < positions.length) {
      // Named rows still go alone once: the error may have named a row for one of several reasons.
      work.push(
        positions.filter((p) => !guilty.has(p)),
        ...[...guilty].map((p) => [p]),
      )
    } else {
      const half = Math.ceil(positions.length / 2)
      work.push(positions.slice(half), positions.slice(0, half))
    }
  }
  return outcomes
}

/** Whether an error can be the fault of single rows rather than of the call. */
const isAboutRows = (e: CrmError) => e.aboutRequest && e.class !== 'forbidden'
