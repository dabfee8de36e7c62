import { expect, test } from 'vitest'
import { oscillates } from '../../sync/merge/oscillation.ts'

/** Which changes are two machines that undo each other, and which are people at work. */

const MINUTE = 60_000
/** Changes written as ORIGIN:FROM>TO, a minute apart. */
const changes = (text: string, apart = MINUTE) =>
  text.split(' ').map((c, i) => {
    const [origin, values] = c.split(':') as [string, string]
    const [from, to] = values.split('>') as [string, string]
    return { origin, from, to, at: i * apart }
  })
const judged = (text: string, apart?: number) => {
  const all = changes(text, apart)
  return oscillates(all.slice(0, -1), all.at(-1)!)
}

test.each([
  ['the second time a side sets the same value back', 'b:1>2 s:2>1 b:1>2 s:2>1', true],
  ['the first time is a person who disagrees', 'b:1>2 s:2>1', false],
  ["nor is the other side's first", 'b:1>2 s:2>1 b:1>2', false],
  ['one who changes his own mind is no flip', 's:1>2 s:2>1 s:1>2 s:2>1', false],
  ['new values each time are work', 'b:1>2 s:2>3 b:3>4 s:4>5', false],
  [
    'flips long ago, behind eight other changes, do not count',
    'b:1>2 s:2>1 b:1>3 b:3>4 b:4>5 b:5>6 b:6>7 b:7>1 b:1>2 s:2>1',
    false,
  ],
])('%s', (_, text, expected) => expect(judged(text)).toBe(expected))

test('people who argue over days are not taken for machines', () =>
  expect(judged('b:1>2 s:2>1 b:1>2 s:2>1', 60 * MINUTE)).toBe(false))
