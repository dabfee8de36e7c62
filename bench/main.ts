import { Command } from 'commander'
import { benchCheck } from './check.ts'
import { benchCopy } from './copy.ts'
import { benchImport } from './import.ts'
import { benchIncremental } from './incremental.ts'
import { benchLatency } from './latency.ts'
import { benchMatch } from './match.ts'
import type { EngineKind } from './rig.ts'
import { benchSync } from './sync.ts'
import { benchUndo } from './undo.ts'
import { benchVerify } from './verify.ts'

const program = new Command('bench').description('Measurements, side by side in one run')

interface Options {
  records: string
  engine: string
  json?: boolean
}

/** A measurement on each engine: a table for people, JSON for machines. */
function measurement(name: string, description: string, records: [text: string, preset: string], engines: string) {
  return program
    .command(name)
    .description(description)
    .option('--records <n>', ...records)
    .option('--engine <names>', 'services, embedded, or both with a comma', engines)
    .option('--json', 'print JSON')
}

function show(results: unknown[], json: boolean | undefined): void {
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`)
  else console.table(results)
}

/** The least number of calls, term by term. */
function showTerms(minimum: { name: string; calls: number; terms: { what: string; calls: number }[] }[]): void {
  for (const { name, calls, terms } of minimum)
    process.stdout.write(`${name}, at least ${calls}: ${terms.map((t) => `${t.what} = ${t.calls}`).join('; ')}\n`)
}

const kinds = (o: Options) => o.engine.split(',') as EngineKind[]

measurement(
  'sync',
  'First sync: half of the records on both sides, a quarter on one side each',
  ['accounts and deals together', '20000'],
  'services,embedded',
).action(async (o: Options) => {
  const results = []
  for (const kind of kinds(o)) results.push(await benchSync(Number(o.records), kind))
  show(
    results.map((r) => (o.json ? r : r.row)),
    o.json,
  )
  if (!o.json) showTerms(results[0]!.minimum)
})

measurement(
  'check',
  'The duplicate check: all accounts once, then single ones against all of them',
  ['accounts', '100000'],
  'services',
).action(async (o: Options) => {
  const results = []
  for (const kind of kinds(o)) results.push(await benchCheck(Number(o.records), kind))
  show(results, o.json)
})

measurement('copy', 'Accounts into an empty HubSpot, beside a careful script', ['accounts', '10000'], 'services').action(
  async (o: Options) => {
    const results = []
    for (const kind of kinds(o)) for (const latency of [0, 50]) results.push(await benchCopy(Number(o.records), kind, latency))
    show(results, o.json)
  },
)

measurement(
  'incremental',
  'A cycle with 100 changes, and one with none',
  ['linked accounts and deals together', '100000'],
  'services',
).action(async (o: Options) => {
  const results = []
  for (const kind of kinds(o)) results.push(await benchIncremental(Number(o.records), kind))
  show(
    results.map((r) => (o.json ? r : r.row)),
    o.json,
  )
  if (!o.json) showTerms(results[0]!.minimum)
})

measurement('latency', 'From an edit to the other CRM, by polling alone', ['edits', '80'], 'services').action(
  async (o: Options) => {
    const results = []
    for (const kind of kinds(o))
      for (const limit of [undefined, 100_000]) results.push(await benchLatency(Number(o.records), kind, limit))
    show(results, o.json)
  },
)

measurement('verify', 'A complete verify of linked records', ['linked accounts and deals together', '100000'], 'services').action(
  async (o: Options) => {
    const results = []
    for (const kind of kinds(o)) results.push(await benchVerify(Number(o.records), kind))
    show(results, o.json)
  },
)

measurement(
  'undo',
  'A run of many writes is taken back, with edits by people in between',
  ['writes', '10000'],
  'services',
).action(async (o: Options) => {
  const results = []
  for (const kind of kinds(o)) results.push(await benchUndo(Number(o.records), kind))
  show(results, o.json)
})

program
  .command('import')
  .description('Public data sets, written as exports of two CRMs, taken by the program itself')
  .action(async () => {
    for (const result of await benchImport()) process.stdout.write(`${JSON.stringify(result)}\n`)
  })

program
  .command('match')
  .description('The duplicate check on the labelled sets that are there, beside what one would build from packages')
  .option('--set <name>', 'one set, by how its name begins')
  .option('--json', 'print JSON')
  .action(async (o: { set?: string; json?: boolean }) => show(await benchMatch(o.set), o.json))

await program.parseAsync()
