import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { answerDifferences } from './compare.ts'
import type { Entry } from './entry.ts'
import { hubspot } from './hubspot.ts'
import { preparePortal } from './hubspot-portal.ts'
import { bare, cutArrays, type Exchange, exchanges, files, present, TRUTH } from './recordings.ts'
import { salesforce } from './salesforce.ts'
import { prepareOrg } from './salesforce-org.ts'
import { Stage } from './stage.ts'

/** The sandbox answers as the real CRMs did: every recording is replayed against it, or listed with a reason. */

const TABLES = { salesforce, hubspot }
const LISTED = [
  ...readFileSync(join(import.meta.dirname, '../fidelity.md'), 'utf8').matchAll(/^- `(salesforce|hubspot)\/([^`]+)`: \S.*$/gm),
].map(([, crm, file]) => ({ crm: crm as 'salesforce' | 'hubspot', file: file! }))
const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
const replayed = { salesforce: 0, hubspot: 0 }

if (!present) process.stdout.write(`fidelity: skipped, there are no recordings at ${TRUTH}\n`)

describe.skipIf(!present)(`recordings of ${TRUTH}${present ? '' : ' (absent: nothing to replay)'}`, () => {
  for (const crm of ['salesforce', 'hubspot'] as const)
    describe(crm, () => {
      test.each(TABLES[crm].map((entry) => [entry.file, entry] as const))('%s', async (_, entry) => {
        const found = await replay(crm, entry)
        expect(found.length, found.join('\n')).toBe(0)
        replayed[crm]++
      })
      test('every file is either replayed or listed with a reason', () => {
        const there = files(crm)
        const table = TABLES[crm].map((e) => e.file)
        const listed = LISTED.filter((l) => l.crm === crm).map((l) => l.file)
        expect([...table, ...listed].sort()).toEqual(there)
      })
    })

  afterAll(() => {
    const count = { salesforce: files('salesforce').length, hubspot: files('hubspot').length }
    process.stdout.write(
      `fidelity: salesforce ${replayed.salesforce} of ${count.salesforce} files replayed, hubspot ${replayed.hubspot} of ${count.hubspot}, listed ${LISTED.length}\n`,
    )
  })

  test('at least four of five files are replayed, of each CRM and in all', () => {
    const share = (crms: ('salesforce' | 'hubspot')[]) =>
      sum(crms.map((c) => replayed[c])) / sum(crms.map((c) => files(c).length))
    for (const crms of [['salesforce'], ['hubspot'], ['salesforce', 'hubspot']] as ('salesforce' | 'hubspot')[][])
      expect(share(crms), crms.join(' and ')).toBeGreaterThanOrEqual(0.8)
  })
})

/** Replays one file; answers what differs. */
async function replay(crm: 'salesforce' | 'hubspot', entry: Entry): Promise<string[]> {
  const stage = await Stage.open(crm)
  try {
    if (entry.oauth) await stage.useOauth()
    await entry.given?.(stage)
    if (entry.check) return entry.check(stage)
    if (entry.accepted) return accepted(await stage.send(entry.accepted))
    if (entry.request) return await replayAnswer(stage, crm, entry)
    const recorded = exchanges(crm, entry.file)
    if (recorded.length === 0) throw new Error(`${entry.file} holds no request: give one`)
    const scene = crm === 'hubspot' ? await preparePortal(stage, recorded, entry) : recorded
    const lenience = { cut: cutArrays(crm, entry.file), ...entry.lenience }
    const found: string[] = []
    const ids = new Map<string, string>()
    for (const original of scene) {
      const exchange = { ...original, request: renamed(original.request, ids) }
      if (crm === 'salesforce') await prepareOrg(stage, exchange, entry)
      const answer = await stage.send(exchange.request)
      found.push(...answerDifferences(exchange.answer, answer, lenience))
      learn(exchange.answer.body, answer.body, ids)
    }
    return found
  } finally {
    await stage.close()
  }
}

/** A file with only an answer: the entry's request must yield the same keys and types. */
async function replayAnswer(stage: Stage, crm: string, entry: Entry): Promise<string[]> {
  const request = typeof entry.request === 'function' ? await entry.request(stage) : entry.request!
  const answer = await stage.send(request)
  const recorded: Exchange['answer'] = exchanges(crm, entry.file)[0]?.answer ?? {
    status: entry.status ?? 200,
    headers: {},
    body: bare(crm, entry.file),
  }
  return answerDifferences(recorded, { ...answer, body: entry.part ? entry.part(answer.body) : answer.body }, entry.lenience)
}

const accepted = ({ status, body }: Exchange['answer']): string[] =>
  status < 300 ? [] : [`not accepted: ${status} ${JSON.stringify(body)}`]

/** Notes which of the sandbox's ids stands for which of Salesforce's, place by place of two answers. */
function learn(recorded: unknown, answered: unknown, ids: Map<string, string>): void {
  if (typeof recorded !== 'object' || typeof answered !== 'object' || recorded === null || answered === null) return
  for (const [key, value] of Object.entries(recorded)) {
    const other = (answered as Record<string, unknown>)[key]
    if (/^id$/i.test(key) && typeof value === 'string' && value.length >= 15 && typeof other === 'string') ids.set(value, other)
    learn(value, other, ids)
  }
}

/** A request with the sandbox's ids in the place of those that its recorder had got from earlier answers. */
function renamed<T>(request: T, ids: Map<string, string>): T {
  let text = JSON.stringify(request)
  for (const [recorded, ours] of ids) text = text.replaceAll(recorded, ours)
  return JSON.parse(text) as T
}
