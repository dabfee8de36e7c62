import { Command } from 'commander'
import { closeDatabase, testDatabase } from '../support/harness.ts'
import { runSeed } from './seed.ts'

const program = new Command('converge')
  .description('Random histories of people, lanes, crashes and faults: does every promise hold?')
  .option('--seeds <n>', 'how many histories', '100')
  .option('--from <seed>', 'the first seed', '1')
  .option('--jobs <n>', 'histories at the same time', process.env.DATABASE_URL ? '4' : '1')
  .option('--only <seed>', 'replay one seed, and shorten its history')
program.parse()
const o = program.opts<{ seeds: string; from: string; only?: string; jobs: string }>()

const db = await testDatabase()
const happened = new Map<string, number>()
const [from, n] = o.only ? [Number(o.only), 1] : [Number(o.from), Number(o.seeds)]
const started = performance.now()
let broken = 0
let next = from
async function work(): Promise<void> {
  while (next < from + n) {
    const seed = next++
    const found = await runSeed(db, seed, { shrink: o.only !== undefined, happened })
    if (!found) continue
    broken++
    process.stdout.write(`seed ${seed} broke:\n${found.violations.map((v) => `  ${v.promise}: ${v.what}`).join('\n')}\n`)
    if (o.only) process.stdout.write(`${found.history.map((a) => `  ${JSON.stringify(a)}`).join('\n')}\n`)
  }
}
await Promise.all(Array.from({ length: Number(o.jobs) }, work))
const seconds = (performance.now() - started) / 1000
process.stdout.write(`${n} seeds, ${broken} broken, ${(seconds / n).toFixed(2)} s a seed\n`)
process.stdout.write(
  `${[...happened]
    .sort()
    .map(([name, times]) => `${name} ${times}`)
    .join(', ')}\n`,
)
await closeDatabase()
process.exit(broken > 0 ? 1 : 0)
