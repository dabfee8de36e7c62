import fc from 'fast-check'
import type { Database } from '../../store/database.ts'
import { type Action, type Crm, historyOf } from './history.ts'
import { judge, type Violation } from './oracle.ts'
import { play } from './play.ts'

/** One seed: a history, played and judged. */

export interface Broken {
  seed: number
  violations: Violation[]
  history: Action[]
}

/** Every third seed has three connections. */
export const isThree = (seed: number): boolean => seed % 3 === 2

const TWO: Crm[] = ['salesforce', 'hubspot']

/** How long a history is shortened. */
const SHRINK_MS = 90_000

class Broke extends Error {
  readonly violations: Violation[]
  constructor(violations: Violation[]) {
    super(violations.map((v) => `${v.promise}: ${v.what}`).join('\n'))
    this.violations = violations
  }
}

/**
 * @param shrink whether a history that breaks a promise is made as short as it can be: that takes a while.
 * @param happened counts of what occurred, added to.
 */
export async function runSeed(
  db: Database,
  seed: number,
  { shrink, happened }: { shrink: boolean; happened?: Map<string, number> },
): Promise<Broken | undefined> {
  const three = isThree(seed)
  const property = fc.asyncProperty(historyOf(three ? [...TWO, 'second'] : TWO), async (actions) => {
    const violations = await runHistory(db, actions, three, happened)
    if (violations.length > 0) throw new Broke(violations)
  })
  const details = await fc.check(property, {
    seed,
    numRuns: 1,
    endOnFailure: !shrink,
    ...(shrink && { interruptAfterTimeLimit: SHRINK_MS }),
  })
  if (!details.failed) return undefined
  const error = details.errorInstance
  return {
    seed,
    history: details.counterexample![0],
    violations:
      error instanceof Broke
        ? error.violations
        : [{ promise: 'the engine works', what: (error as Error)?.stack ?? String(error) }],
  }
}

/** Plays a history; answers the promises that it broke. */
export async function runHistory(
  db: Database,
  actions: readonly Action[],
  three: boolean,
  happened?: Map<string, number>,
): Promise<Violation[]> {
  const story = await play(db, actions, three)
  try {
    for (const [name, n] of story.happened) happened?.set(name, (happened.get(name) ?? 0) + n)
    return await judge(story)
  } finally {
    await story.stage.stop()
  }
}
