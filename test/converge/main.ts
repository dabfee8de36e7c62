import { spawn } from 'node:child_process'
import { Command } from 'commander'
import { closeDatabase, testDatabase } from '../support/harness.ts'
import { startServices } from '../support/services.ts'
import { MERGE_ROWS, OCCURRENCES } from './history.ts'
import { jittery } from './jitter.ts'
import { runKills } from './kills.ts'
import { MUTANTS } from './mutants.ts'
import { runSeed } from './seed.ts'

/** Histories after which everything must have occurred. */
const MANY = 400
/** Seeds after which a line says how far a long run is. */
const TELL_EVERY = 100

interface Options {
  seeds: string
  from: string
  jobs: string
  only?: string
  first?: boolean
  mutants?: string | true
  jitter?: string
  kills?: string
  ownServices?: boolean
}

const program = new Command('converge')
  .description('Random histories of people, lanes, crashes and faults: does every promise hold?')
  .option('--seeds <n>', 'how many histories', '100')
  .option('--from <seed>', 'the first seed; an earlier run goes on behind its last one', '1')
  .option('--jobs <n>', 'histories at the same time', process.env.DATABASE_URL ? '4' : '1')
  .option('--only <seed>', 'replay one seed, and shorten its history')
  .option('--first', 'stop at the first that breaks a promise')
  .option('--mutants [text]', 'plant one fault after another in the product (those named so): the histories must find each')
  .option('--jitter <ms>', 'wait up to so long before and after every second transaction: lanes overtake each other more often')
  .option('--kills <n>', 'kill the real program so often at random moments instead (SIGKILL), and judge what it left')
  .option('--own-services', 'with --kills: on a PostgreSQL and a Redis of its own, which go down in the middle as well')
  .addHelpText(
    'after',
    `
On PostgreSQL where DATABASE_URL is set, else embedded.

Examples:
  npm run -s converge -- --seeds 500
  npm run -s converge -- --only 2441
  npm run -s converge -- --mutants --seeds 300
  npm run -s converge -- --kills 200 --own-services`,
  )
program.parse()
const o = program.opts<Options>()
const out = (text: string) => process.stdout.write(`${text}\n`)
process.exit(
  o.kills ? await killAll(Number(o.kills)) : o.mutants ? await plantAll(o.mutants === true ? '' : o.mutants) : await search(),
)

async function search(): Promise<number> {
  const db = o.jitter ? jittery(await testDatabase(), Number(o.jitter)) : await testDatabase()
  const happened = new Map<string, number>()
  const [from, n] = o.only ? [Number(o.only), 1] : [Number(o.from), Number(o.seeds)]
  const started = performance.now()
  let [next, broken, done] = [from, 0, 0]
  async function work(): Promise<void> {
    while (next < from + n && !(o.first && broken > 0)) {
      const seed = next++
      const found = await runSeed(db, seed, { shrink: o.only !== undefined, happened })
      done++
      if (done % TELL_EVERY === 0) process.stderr.write(`${done} of ${n} seeds, ${broken} broke a promise\n`)
      if (!found) continue
      broken++
      out(`seed ${seed} broke:\n${found.violations.map((v) => `  ${v.promise}: ${v.what}`).join('\n')}`)
      if (o.only) out(found.history.map((a) => `  ${JSON.stringify(a)}`).join('\n'))
      else out(`  npm run -s converge -- --only ${seed} replays and shortens it`)
    }
  }
  await Promise.all(Array.from({ length: Number(o.jobs) }, work))
  const seconds = (performance.now() - started) / 1000
  for (const [row, n] of (globalThis as unknown as { mergeRows?: Map<string, number> }).mergeRows ?? []) happened.set(row, n)
  out(
    [...happened]
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  )
  const never = o.only || process.env.CONVERGE_MUTANT ? [] : [...OCCURRENCES, ...MERGE_ROWS].filter((name) => !happened.get(name))
  if (never.length > 0) out(`never occurred: ${never.join(', ')}`)
  out(`${done} seeds, ${broken} broke a promise, ${(seconds / done).toFixed(2)} s a seed`)
  await closeDatabase()
  // A few histories cannot hold everything; many must.
  return broken > 0 || (done >= MANY && never.length > 0) ? 1 : 0
}

/** The program itself, killed. */
async function killAll(count: number): Promise<number> {
  const services = o.ownServices ? await startServices() : undefined
  try {
    const violations = await runKills(count, Number(o.from), services, out)
    for (const v of violations) out(`  ${v.promise}: ${v.what}`)
    out(`${count} kills, ${violations.length} promises broken`)
    return violations.length > 0 ? 1 : 0
  } finally {
    await services?.stop()
  }
}

/** Each fault in a process of its own; answers 1 when one of them is not found. */
async function plantAll(wanted: string): Promise<number> {
  let missed = 0
  const planted = MUTANTS.filter((m) => m.name.includes(wanted))
  for (const { name } of planted) {
    const started = performance.now()
    const text = await run(name)
    const seeds = Number(/(\d+) seeds, /.exec(text)?.[1] ?? 0)
    const [, promise] = /^ {2}([^:\n]+): /m.exec(text) ?? []
    const found = /[1-9]\d* broke a promise/.test(text)
    if (!found) missed++
    const seconds = ((performance.now() - started) / 1000).toFixed(0)
    out(`${found ? 'found' : 'MISSED'} after ${seeds} seeds, ${seconds} s: ${name}${promise ? ` (${promise})` : ''}`)
    if (seeds === 0) out(text.slice(-2_000))
  }
  out(`${planted.length - missed} passed, ${missed} failed`)
  return missed > 0 ? 1 : 0
}

function run(mutant: string): Promise<string> {
  const plant = new URL('./plant.js', import.meta.url).href
  const args = [
    '--import',
    plant,
    new URL('./main.ts', import.meta.url).pathname,
    '--first',
    '--seeds',
    o.seeds,
    '--from',
    o.from,
    '--jobs',
    o.jobs,
    ...(o.jitter ? ['--jitter', o.jitter] : []),
  ]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, CONVERGE_MUTANT: mutant },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  child.stdout.on('data', (d) => {
    text += d
  })
  child.stderr.on('data', (d) => {
    text += d
  })
  return new Promise((resolve) => child.on('close', () => resolve(text)))
}
