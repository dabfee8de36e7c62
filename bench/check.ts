import { randomUUID } from 'node:crypto'
import type { Fields } from '../mappings/state.ts'
import { seeded } from '../sandbox/faults.ts'
import { insertRecords } from '../store/records.ts'
import { checkDuplicates } from '../sync/duplicates/check.ts'
import { lookFor } from '../sync/duplicates/look.ts'
import { type Engine, inTransaction } from '../sync/engine.ts'
import { subjectOf } from '../sync/match/canonical.ts'
import { type EngineKind, openDatabase } from './rig.ts'

/** The duplicate check: all accounts of a workspace once, and then single ones against all of them. */

const INSERT = 2_000
const SINGLE = 1_000
const DAY_MS = 86_400_000

/** @param accounts how many there are; one in fifty is there twice, spelt differently. */
export async function benchCheck(accounts: number, kind: EngineKind) {
  const { db, drop } = await openDatabase(kind)
  const workspace = randomUUID()
  await db.ensureWorkspace(workspace, 'bench')
  const engine: Engine = {
    db,
    workspace,
    runtimes: [],
    timing: { sendBy: 0, flight: { salesforce: 0, hubspot: 0, sandbox: 0 }, hold: () => 0, overlapEvery: 0, scanEvery: DAY_MS },
    nudge: () => {},
    log: () => {},
  }
  const random = seeded(accounts)
  const make = companies(random)
  try {
    for (let n = 0; n < accounts; n += INSERT) {
      const made = Array.from({ length: Math.min(INSERT, accounts - n) }, () => make())
      await inTransaction(engine, (tx) =>
        insertRecords(
          tx,
          made.map((fields) => ({ id: randomUUID(), entity: 'account', fields })),
        ),
      )
      await db.grew(made.length)
    }
    const began = performance.now()
    let [looked, listed] = [0, 0]
    for (let more = true; more; ) {
      const turn = await checkDuplicates(engine)
      looked += turn.looked
      listed += turn.listed
      more = turn.more
      if (looked % 20_000 < 200)
        process.stderr.write(`  ${looked} of ${accounts} checked, ${Math.round((performance.now() - began) / 1000)} s\n`)
    }
    const seconds = (performance.now() - began) / 1000
    await db.grew(accounts)
    const times: number[] = []
    let candidates = 0
    for (let i = 0; i < SINGLE; i++) {
      const subject = subjectOf('account', randomUUID(), make())!
      const start = performance.now()
      const found = await inTransaction(engine, (tx) =>
        lookFor(tx, [{ entity: 'account', subject }], ['account'], { counted: false }),
      )
      times.push(performance.now() - start)
      candidates += found.get(subject.id)?.length ?? 0
    }
    times.sort((a, b) => a - b)
    const at = (q: number) => Math.round(times[Math.floor(q * (times.length - 1))]! * 10) / 10
    return {
      engine: kind,
      accounts,
      'all, s': Math.round(seconds),
      'a record, ms': Math.round((seconds / accounts) * 100_000) / 100,
      listed,
      'candidates a single check': Math.round((candidates / SINGLE) * 10) / 10,
      'single check p50, ms': at(0.5),
      'p99, ms': at(0.99),
      'peak memory, MB': Math.round(process.resourceUsage().maxRSS / 1024),
    }
  } finally {
    await db.close()
    await drop()
  }
}

/** Companies as registers list them: many share a common word, few a rare one; some are there twice. */
function companies(random: () => number): () => Fields {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const syllables =
    'ba be bo ca ce co da de do fa fe fi ga go ha he jo ka ke la le li lo ma me mi mo na ne no pa pe po ra re ri ro sa se so ta te ti to va ve vi vo wa we za'.split(
      ' ',
    )
  const words = Array.from({ length: 20_000 }, () =>
    Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick(syllables)).join(''),
  )
  const trades =
    'Systems Foods Logistics Energy Capital Partners Holdings Media Health Labs Works Design Trading Motors Textiles Security Travel Farms Software Services'.split(
      ' ',
    )
  const forms = ['Inc.', 'Ltd', 'GmbH', 'LLC', 'S.A.', '']
  const cities = Array.from({ length: 800 }, () => pick(words))
  const title = (w: string) => w[0]!.toUpperCase() + w.slice(1)
  // A small part of the words stands in most of the names.
  const word = () => title(words[Math.floor(random() ** 3 * words.length)]!)
  let last: Record<string, string> | undefined
  return () => {
    const again = last !== undefined && random() < 0.02
    const name = `${word()}${random() < 0.4 ? ` ${word()}` : ''} ${pick(trades)}`
    const values: Record<string, string> = again
      ? { ...last!, name: `${last!.name!.replace(/ \S+$/, '')} ${pick(forms)}`, domain: random() < 0.5 ? last!.domain! : '' }
      : {
          name: `${name} ${pick(forms)}`.trim(),
          domain: random() < 0.8 ? `${name.toLowerCase().replaceAll(' ', '')}.com` : '',
          phone: `+1${2_000_000_000 + Math.floor(random() * 7_999_999_999)}`.slice(0, 12),
          'address.street': `${1 + Math.floor(random() * 900)} ${word()} Street`,
          'address.city': title(pick(cities)),
          'address.postalCode': String(10_000 + Math.floor(random() * 89_999)),
          'address.country': 'US',
        }
    last = values
    return Object.fromEntries(
      Object.entries(values)
        .filter(([, v]) => v !== '')
        .map(([field, v]) => [field, { v, n: 1, o: 'api', t: [0, 0] as [number, number] }]),
    )
  }
}
