import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Operation } from '../../connectors/connector.ts'
import { CrmError, type ErrorClass } from '../../connectors/errors.ts'
import { CallBudget } from '../../sync/budget.ts'

/** Which calls are made, held back, and made again. */

let budget: CallBudget
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: 1_000_000 })
  budget = new CallBudget({ token: async () => 'T', refresh: async () => {} })
})
afterEach(() => vi.useRealTimers())

/** Makes a call that always fails; answers how often it was sent. */
async function sent(operation: Operation, failure: ErrorClass): Promise<number> {
  let n = 0
  const call = budget
    .call(operation, async () => {
      n++
      throw new CrmError(failure, 'x')
    })
    .catch(() => {})
  await vi.advanceTimersByTimeAsync(120_000)
  await call
  return n
}

describe('a call without an answer', () => {
  test.each<[Operation['kind'], number]>([
    ['write', 1],
    ['association_write', 1],
    ['read', 5],
    ['search', 5],
  ])('of kind %s is sent %i times', async (kind, times) => expect(await sent({ kind, what: 'x' }, 'unknown_outcome')).toBe(times))
})

describe('a call that the CRM did not take', () => {
  test('is sent again, a write too', async () => expect(await sent({ kind: 'write', what: 'x' }, 'unavailable')).toBe(5))
  test('is not sent any more once what it was decided on is too old', async () =>
    expect(await sent({ kind: 'write', what: 'x', sendBy: Date.now() + 500 }, 'unavailable')).toBeLessThan(5))
  test('and that was too old from the start is never sent', async () =>
    expect(await sent({ kind: 'write', what: 'x', sendBy: Date.now() - 1 }, 'unavailable')).toBe(0))
})

test("with the day's calls used up nothing is sent, but for one call now and then that learns of the new day", async () => {
  const read = () => budget.call({ kind: 'read', what: 'x' }, async () => 'answer')
  budget.note({ 'sforce-limit-info': 'api-usage=95/100' })
  await expect(read()).rejects.toMatchObject({ class: 'quota_exhausted' })
  await vi.advanceTimersByTimeAsync(5 * 60_000)
  expect(await read()).toBe('answer')
  await expect(read()).rejects.toMatchObject({ class: 'quota_exhausted' })
  budget.note({ 'sforce-limit-info': 'api-usage=1/100' })
  expect(await read()).toBe('answer')
})
