import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startSandbox } from '../../sandbox/sandbox.ts'
import { Program, until } from '../support/program.ts'

/** SIGKILL in the middle of the first sync, then start again: same agreement, no record made twice. */

let program: Program
beforeEach(async () => {
  program = await Program.make()
})
afterEach(() => program.stop())

/** Moments at which the process is killed, by what it has said of its progress. */
const MOMENTS = [/reading/, /to match|hubspot: reading/, /to confirm/, /salesforce: read,.*hubspot: read,/]

/** And by how much has been written to the CRMs since the start: the first write, and later ones. */
const WRITTEN = [1, 20_000, 60_000, 120_000, 200_000, 300_000]

/** Bytes in the journals of the local CRMs: they grow with every write. */
function journalled(): number {
  const folder = join(program.home, 'sandbox')
  return readdirSync(folder)
    .filter((f) => f.endsWith('.jsonl'))
    .reduce((n, f) => n + statSync(join(folder, f)).size, 0)
}

async function killed(when: string, condition: (stderr: string) => boolean): Promise<void> {
  const child = program.spawn(['start', '--once', '--json'])
  await until(when, () => condition(child.output().stderr) || child.exitCode !== null)
  child.kill('SIGKILL')
  await until('it is dead', () => child.exitCode !== null || child.signalCode !== null)
}

test('killed at many moments of the first sync', async () => {
  await program.run([
    'sandbox',
    'generate',
    '--accounts',
    '80',
    '--deals',
    '400',
    '--partners',
    '4',
    '--seed',
    '5',
    '--home',
    program.home,
  ])
  for (const moment of MOMENTS) await killed(`${moment}`, (stderr) => moment.test(stderr))
  for (const bytes of WRITTEN) {
    const before = journalled()
    await killed(`${bytes} bytes written`, () => journalled() >= before + bytes)
  }
  const { code, stdout, stderr } = await program.run(['start', '--once', '--json'])
  expect(code, stderr).toBe(0)
  const summary = JSON.parse(stdout)
  expect(summary).toMatchObject({ ok: true, verify: { unexplained: 0 } })
  // Nothing that was not sent is taken for what a CRM made of it.
  expect(summary.verify.byReason).not.toHaveProperty('adjusted')

  const truth = JSON.parse(readFileSync(join(program.home, 'sandbox', 'truth.json'), 'utf8')) as Record<
    string,
    { salesforce?: string; hubspot?: string; hubspotTwins?: string[] }[]
  >
  const sandbox = await startSandbox({ folder: join(program.home, 'sandbox') })
  const counts = sandbox.world.counts()
  await sandbox.stop()
  const twins = (rows: { hubspotTwins?: string[] }[]) => rows.reduce((n, t) => n + (t.hubspotTwins?.length ?? 0), 0)
  // Every true thing stands once in each CRM; the twins that HubSpot had before are still its own.
  const companies = [...truth.partner!, ...truth.account!]
  expect(counts.salesforce.Account).toBe(companies.length)
  expect(counts.hubspot.companies).toBe(companies.length + twins(companies))
  expect(counts.salesforce.Contact).toBe(truth.contact!.length)
  expect(counts.hubspot.contacts).toBe(truth.contact!.length)
  expect(counts.salesforce.Opportunity).toBe(truth.deal!.length)
  expect(counts.hubspot.deals).toBe(truth.deal!.length)
}, 240_000)
