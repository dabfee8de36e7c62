import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { startSandbox } from '../../sandbox/sandbox.ts'
import { call } from '../support/crms.ts'
import { Program, until } from '../support/program.ts'

/** Registrations of one account and product, spelt differently, at the same moment, through every way that there is. */

export interface RaceOptions {
  rounds: number
  submissions: number
  /** Between reading rivals and commit a check sleeps for up to so long. */
  delayMs: number
}

const SERVERS = 3
/** Of the submissions these many are records in the CRM, and rows of a CSV file. */
const SHARES = { crm: 0.1, csv: 0.2 }
const TOKEN = 'a token for the race of registrations'

/** Ways to write the same company; some say no more than a part of what is known. */
const SPELT: ((name: string) => string)[] = [
  (n) => n,
  (n) => n.toUpperCase(),
  (n) => `${n}, Inc.`,
  (n) => `${n} Incorporated`,
  (n) => `The ${n} Company`,
  (n) => n.replace(' ', '  '),
  (n) => n.replace(/(.)(.)$/, '$2$1'),
  (n) => n.toLowerCase(),
]
const PRODUCTS = ['Orbit Suite 2', 'orbit suite 2', 'OrbitSuite 2', 'Orbit  Suite 2', 'Orbit Siute 2']
const FIRST =
  'Amber Birch Cobalt Dune Ember Fjord Garnet Heath Indigo Jasper Kestrel Lumen Marble Nimbus Onyx Pebble Quartz Raven Sable Tundra'.split(
    ' ',
  )
const SECOND =
  'Avionics Bakeries Ceramics Dairies Engines Foundries Granaries Hydraulics Instruments Joinery Kilns Logistics Mills Nurseries Optics Presses Quarries Refineries Shipyards Tanneries'.split(
    ' ',
  )

/** What a registration's partner is shown must not name others. */
interface Told {
  id: string
  text: string
}

/** @returns what went wrong, one line for each round in which something did. */
export async function race(options: RaceOptions, say: (text: string) => void): Promise<string[]> {
  const sandbox = await startSandbox({ limits: false })
  const programs = [await Program.make(), ...(await Promise.all(Array.from({ length: SERVERS - 1 }, () => Program.make('none'))))]
  const [first] = programs
  const { salesforce: s } = sandbox.info
  const env: Record<string, string> = {
    DATABASE_URL: first!.env.DATABASE_URL!,
    CONCORDAT_KEY: randomBytes(32).toString('base64'),
    CONCORDAT_TOKEN: TOKEN,
    SALESFORCE_INSTANCE_URL: s.instanceUrl,
    SALESFORCE_CLIENT_ID: s.clientId,
    SALESFORCE_CLIENT_SECRET: s.clientSecret,
    SALESFORCE_REFRESH_TOKEN: s.refreshToken,
    LOG_LEVEL: 'warn',
  }
  const db = new pg.Pool({ connectionString: env.DATABASE_URL })
  try {
    const ports: number[] = []
    for (const p of programs) {
      const port = 20_000 + Math.floor(Math.random() * 30_000)
      const child = p.spawn(['start'], { ...env, PORT: String(port) })
      await until(`server ${ports.length + 1} of ${SERVERS}`, () => isReady(port, child), 120_000)
      ports.push(port)
    }
    await delayChecks(db, options.delayMs)
    const post = (n: number, path: string, body: unknown) =>
      call(`http://127.0.0.1:${ports[n % SERVERS]}${path}`, 'POST', TOKEN, body)
    const partners: string[] = []
    for (const name of ['Blue Peak', 'Quarry Partners', 'Tern Systems', 'Vole Networks'])
      partners.push((await post(0, '/api/v1/records', { entity: 'partner', fields: { name } })).body.id)
    const wrong: string[] = []
    for (let round = 0; round < options.rounds; round++) {
      const problem = await playRound(round)
      if (problem) wrong.push(`round ${round + 1}: ${problem}`)
      if ((round + 1) % 10 === 0) say(`${round + 1} of ${options.rounds} rounds, ${wrong.length} wrong`)
    }
    return wrong

    async function playRound(round: number): Promise<string | undefined> {
      const name = `${FIRST[round % 20]} ${SECOND[(round * 7 + Math.floor(round / 20)) % 20]}`
      const domain = `${name.toLowerCase().replace(' ', '')}.com`
      const wording = (n: number) => ({
        account: SPELT[n % SPELT.length]!(name),
        // Two in three say the domain; the others can only be told by the name.
        domain: n % 3 === 0 ? '' : n % 2 === 0 ? domain : `https://www.${domain}/about`,
        product: PRODUCTS[n % PRODUCTS.length]!,
        amount: String(10_000 + 997 * n),
      })
      const count = (share: number) => Math.floor(options.submissions * share)
      const [crm, csv] = [count(SHARES.crm), count(SHARES.csv)]
      const told: Told[] = []
      const tell = (answer: { id?: unknown }) => void told.push({ id: String(answer.id), text: JSON.stringify(answer) })
      const jobs: Promise<unknown>[] = []
      for (let n = 0; n < options.submissions; n++) {
        const w = wording(n)
        if (n < crm)
          jobs.push(
            call(`${s.instanceUrl}/services/data/v60.0/sobjects/Concordat_Registration__c`, 'POST', s.personToken, {
              Name: `Deal ${round} ${n}`,
              Account_Name__c: w.account,
              ...(w.domain && { Account_Domain__c: w.domain }),
              Product__c: w.product,
              Status__c: 'Submitted',
            }),
          )
        else if (n >= crm + csv)
          jobs.push(
            post(n, '/api/v1/registrations', {
              partner: partners[n % partners.length],
              submittedBy: `rep${n}@partner.example`,
              accountName: w.account,
              ...(w.domain && { accountDomain: w.domain }),
              product: w.product,
              amount: { amount: w.amount, currency: 'USD' },
              dealName: `Deal ${round} ${n}`,
            }).then(({ status, body }) => {
              if (status !== 201) throw new Error(`submission ${n} was answered ${status}: ${JSON.stringify(body)}`)
              tell(body)
            }),
          )
      }
      const file = join(first!.home, `round-${round}.csv`)
      const rows = Array.from({ length: csv }, (_, i) => ({ n: crm + i, ...wording(crm + i) }))
      writeFileSync(
        file,
        `partner,account,domain,product,deal\n${rows.map((r) => `${partners[r.n % partners.length]},"${r.account}",${r.domain},${r.product},Deal ${round} ${r.n}`).join('\n')}\n`,
      )
      jobs.push(
        first!
          .run(['registrations', 'submit', '--csv', file, '--json'], { ...env, PORT: String(ports[0]) })
          .then(({ stdout, stderr, code }) => {
            if (code !== 0) throw new Error(`the CSV file ended with ${code}: ${stderr}`)
            for (const r of (JSON.parse(stdout) as { results: { id: string }[] }).results) tell(r)
          }),
      )
      await Promise.all(jobs)
      const found = async () =>
        (
          await db.query<{ id: string; standing: string | null; seq: string | null; partner: string | null }>(
            `select r.record_id as id, standing, seq, partner_id as partner from registration r join record on record.id = r.record_id where fields #>> '{dealName,v}' like 'Deal ${round} %'`,
          )
        ).rows
      await until(
        `all ${options.submissions} checked`,
        async () => {
          // The CRM's own rows are polled when somebody asks for them.
          const checked = (await found()).filter((r) => r.standing !== null).length
          return checked === options.submissions
        },
        180_000,
      )
      const all = await found()
      const firsts = all.filter((r) => r.standing === 'first')
      if (firsts.length !== 1) return `${firsts.length} of ${all.length} hold the place`
      const least = all.toSorted((a, b) => Number(a.seq) - Number(b.seq))[0]!
      if (least.id !== firsts[0]!.id) return 'the one that came first does not hold the place'
      for (const { id, text } of told) {
        const foreign = [...all.map((r) => r.id), ...partners, 'Blue Peak', 'Quarry', 'Tern', 'Vole'].filter((x) => x !== id)
        const leak = foreign.find((x) => text.includes(x))
        if (leak) return `the answer to ${id} holds ${leak}`
      }
      return undefined
    }
  } finally {
    await db.end()
    for (const p of programs.toReversed()) await p.stop()
    await sandbox.stop()
  }
}

/** Listens, and has read the CRM once. */
async function isReady(port: number, child: ReturnType<Program['spawn']>): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`a server ended: ${child.output().stderr}`)
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  )
}

/** Between reading what stands beside it and its commit every check now sleeps for a random while. */
async function delayChecks(db: pg.Pool, ms: number): Promise<void> {
  if (ms === 0) return
  await db.query(
    `create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(random() * ${ms / 1000}); return new; end $$`,
  )
  await db.query(
    `create trigger dawdle before insert on registration_event for each row when (new.what in ('standing', 'checked')) execute function dawdle()`,
  )
}
