import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { closeDatabase, testDatabase } from '../support/harness.ts'
import { MUTANTS } from './mutants.ts'
import { runSeed } from './seed.ts'

/** A few of the random histories; `npm run converge` plays as many as one likes. */

afterAll(closeDatabase)

test.each([1, 2, 3])('no promise is broken by history %i', async (seed) => {
  expect(await runSeed(await testDatabase(), seed, { shrink: false })).toBeUndefined()
})

test.each(MUTANTS.flatMap((m) => m.changes.map((c) => [m.name, c] as const)))(
  'the planted fault fits the sources: %s',
  (_, { file, from }) => {
    expect(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split(from)).toHaveLength(2)
  },
)
