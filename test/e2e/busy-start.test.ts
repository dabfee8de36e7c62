import { afterAll, afterEach, expect, test } from 'vitest'
import { closeDatabase, Harness } from '../support/harness.ts'

/** People do not stop working while the first sync reads. */

const ROUNDS = 40

let h: Harness
afterEach(() => h.stop())
afterAll(closeDatabase)

test('records made in one CRM, in the other, or in both while the first sync runs are on both sides at its end, each once', async () => {
  h = await Harness.start({ world: { accounts: 150, contacts: 300, deals: 300, partners: 5, seed: 11 } })
  let over = false
  const made = { salesforce: 0, hubspot: 0, both: 0 }
  const busy = (async () => {
    // As long as it reads, and never so long that it could not end.
    for (let i = 0; !over && i < ROUNDS; i++) {
      const name = (kind: string) => ({ name: `Busy ${kind} ${i}`, domain: `busy-${kind}-${i}.example.com` })
      const [s, g, b] = [name('s'), name('h'), name('b')]
      await h.createAccount({ Name: s.name, Website: s.domain })
      await h.createCompany(g)
      await Promise.all([h.createAccount({ Name: b.name, Website: b.domain }), h.createCompany(b)])
      made.salesforce++
      made.hubspot++
      made.both++
    }
  })()
  await h.sync(120_000)
  over = true
  await busy
  await h.sync(60_000)
  expect(made.both).toBeGreaterThan(3)
  const rows = await h.query<{ name: string; n: number; connections: number }>(
    `select r.fields -> 'name' ->> 'v' as name, count(l.id) filter (where l.state = 'live') as n, count(distinct l.connection_id) as connections
    from record r join link l on l.record_id = r.id where r.fields -> 'name' ->> 'v' like 'Busy %' and r.deleted_at is null group by r.id, 1`,
  )
  expect(rows.filter((r) => r.n !== 2 || r.connections !== 2)).toEqual([])
  expect(rows).toHaveLength(made.salesforce + made.hubspot + made.both)
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
}, 240_000)
