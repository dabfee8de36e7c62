import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Past, unseen } from '../../sync/watch/unseen.ts'

/** A write of ours loses exactly what others set after the read before it, and what stood there when it came. */

/** What happens to a field, one thing a moment: others set it, we read it, we write it. */
type Act = { who: 'person'; value: string } | { who: 'we'; value: string }

/** Plays acts; the read comes after the first `read` of them. Answers the history and what the write replaced unread. */
function play(acts: readonly Act[], read: number, withFrom: boolean) {
  const history: Past[] = []
  let value: string | null = 'start'
  let before: string | null = value
  let readAt = 0
  let lost: string | null = null
  const sent = acts.at(-1)!.value
  for (const [i, act] of acts.entries()) {
    if (i === read) {
      before = value
      readAt = 10 * i + 5
    }
    const last = i === acts.length - 1
    if (last) lost = value !== before && value !== sent ? value : null
    history.unshift({
      value: act.value,
      chained: withFrom,
      ...(withFrom && { from: value }),
      at: 10 * i + 10,
      by: act.who,
      ours: act.who === 'we',
    })
    value = act.value
  }
  return { history, write: { before, sent, readAt }, lost }
}

const acts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 0, maxLength: 6 }).chain((values) =>
  fc.record({
    acts: fc.constant([...values.map((value): Act => ({ who: 'person', value })), { who: 'we', value: 'ours' } as Act]),
    read: fc.integer({ min: 0, max: values.length }),
    withFrom: fc.boolean(),
  }),
)

describe('what a write replaced unread', () => {
  test('is told exactly, whatever people did before and after the read', () => {
    fc.assert(
      fc.property(acts, ({ acts: all, read, withFrom }) => {
        const { history, write, lost } = play(all, read, withFrom)
        const found = unseen(history, write)
        expect(found.at(-1)?.value ?? null).toBe(lost)
        // Everything that is listed came after the read, and from others.
        for (const p of found) expect(p.at > write.readAt && !p.ours).toBe(true)
      }),
      { seed: 20261127, numRuns: 2_000 },
    )
  })

  test('is nothing when the history does not hold our write', () => {
    const history: Past[] = [{ value: 'a', chained: false, at: 20, by: 'person', ours: false }]
    expect(unseen(history, { before: 'start', sent: 'ours', readAt: 5 })).toEqual([])
  })

  test('counts what people did after our write for what it is: an edit that a read will show', () => {
    const history: Past[] = [
      { value: 'later', chained: false, at: 40, by: 'person', ours: false },
      { value: 'ours', chained: false, at: 30, by: 'we', ours: true },
    ]
    expect(unseen(history, { before: 'start', sent: 'ours', readAt: 5 })).toEqual([])
  })

  test('is told of a change that was committed late, where each change says what it replaced', () => {
    const history: Past[] = [
      { value: 'ours', chained: true, from: 'theirs', at: 30, by: 'we', ours: true },
      { value: 'theirs', chained: true, from: 'start', at: 1, by: 'person', ours: false },
    ]
    expect(unseen(history, { before: 'start', sent: 'ours', readAt: 5 }).map((p) => p.value)).toEqual(['theirs'])
  })

  test('is told although the changes of one second come in the wrong order, or one of them is not shown', () => {
    const ours: Past = { value: 'ours', chained: true, from: 'theirs', at: 30, by: 'we', ours: true }
    const theirs: Past = { value: 'theirs', chained: true, from: 'start', at: 30, by: 'person', ours: false }
    const write = { before: 'start', sent: 'ours', readAt: 5 }
    expect(unseen([theirs, ours], write).map((p) => p.by)).toEqual(['person'])
    expect(unseen([ours], write).map((p) => [p.value, p.by])).toEqual([['theirs', '']])
  })

  test('is told of a value outside the model', () => {
    const history: Past[] = [
      { value: 'ours', chained: true, from: undefined, at: 30, by: 'we', ours: true },
      { value: undefined, chained: true, from: 'start', at: 20, by: 'person', ours: false },
    ]
    expect(unseen(history, { before: 'start', sent: 'ours', readAt: 5 })).toHaveLength(1)
    const plain: Past[] = [
      { value: 'ours', chained: false, at: 30, by: 'we', ours: true },
      { value: undefined, chained: false, at: 20, by: 'person', ours: false },
    ]
    expect(unseen(plain, { before: 'start', sent: 'ours', readAt: 5 })).toHaveLength(1)
  })

  test('holds for a write that lands late, after several edits: all of them are told, the oldest first', () => {
    const history: Past[] = [
      { value: 'ours', chained: false, at: 90, by: 'we', ours: true },
      { value: '2', chained: false, at: 60, by: 'person', ours: false },
      { value: '1', chained: false, at: 30, by: 'person', ours: false },
    ]
    expect(unseen(history, { before: '0', sent: 'ours', readAt: 5 }).map((p) => p.value)).toEqual(['1', '2'])
  })
})
