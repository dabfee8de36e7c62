import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import { writeAround } from '../../connectors/hubspot/halving.ts'

/** A CRM that fails a batch as a whole when it holds a bad row. */
function crm(bad: Set<number>, blames: boolean) {
  const calls: number[][] = []
  return {
    calls,
    run: (n: number) =>
      writeAround(
        n,
        async (positions): Promise<Outcome[]> => {
          calls.push(positions)
          const guilty = positions.filter((p) => bad.has(p))
          if (guilty.length > 0) throw new CrmError('invalid_value', blames ? `rows ${guilty.join(' ')}` : 'something is wrong')
          return positions.map((p) => ({ ok: true, id: String(p) }))
        },
        (error, positions) => positions.filter((p) => new RegExp(`\\b${p}\\b`).test(error.message)),
      ),
  }
}

describe.each([1, 3, 100])('%d bad rows in 100', (k) => {
  const bad = new Set(Array.from({ length: k }, (_, i) => Math.floor((i * 97) % 100)))
  test('are found by halving, the rest is written, one result per row', async () => {
    const { calls, run } = crm(bad, false)
    const results = await run(100)
    expect(results.map((r, i) => [i, r.ok])).toEqual(Array.from({ length: 100 }, (_, i) => [i, !bad.has(i)]))
    expect(calls.length - 1).toBeLessThanOrEqual(Math.ceil(2 * bad.size * Math.log2(100)))
  })
  test('are taken out first where the error names them', async () => {
    const { calls, run } = crm(bad, true)
    const results = await run(100)
    expect(results.filter((r) => !r.ok)).toHaveLength(bad.size)
    expect(calls.length).toBeLessThanOrEqual(k === 100 ? 2 * 100 : 2 + bad.size)
  })
})

test('a passing failure is thrown, not blamed on rows', async () => {
  const attempt = writeAround(
    2,
    async () => {
      throw new CrmError('rate_limited', 'slow down')
    },
    () => [],
  )
  await expect(attempt).rejects.toMatchObject({ class: 'rate_limited' })
})

test('what was written before a call failed for another reason stays written; what was not sent is tried again', async () => {
  let calls = 0
  const results = await writeAround(
    4,
    async (positions) => {
      calls++
      if (positions.includes(0) && positions.length > 1) throw new CrmError('invalid_value', 'something is wrong')
      if (calls > 3) throw new CrmError('rate_limited', 'enough')
      return positions.map((p) => ({ ok: true, id: String(p) }))
    },
    () => [],
  )
  expect(results.map((r) => (r.ok ? 'ok' : r.error.class))).toEqual(['ok', 'rate_limited', 'unavailable', 'unavailable'])
})
