import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { closeDatabase, Harness } from '../support/harness.ts'

afterAll(closeDatabase)

type Truth = Record<string, { salesforce?: string; hubspot?: string; hubspotTwins?: string[] }[]>

test('of a dirty world 98 % of the clean true pairs of every entity are linked, none wrongly, at most 2 % are reviewed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'concordat-world-'))
  const h = await Harness.start({ folder, world: { accounts: 400, contacts: 1_000, deals: 2_800, partners: 40, seed: 11 } })
  try {
    await h.sync(120_000)
    const truth = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8')) as Truth
    const pairs = await h.query<{
      entity: string
      sf: string
      hs: string
    }>(`select a.entity, a.external_id as sf, b.external_id as hs from link a join link b on a.record_id = b.record_id and b.state = 'live'
      join connection ca on ca.id = a.connection_id and ca.name = 'salesforce' join connection cb on cb.id = b.connection_id and cb.name = 'hubspot' where a.state = 'live'`)
    const twinOf = new Map(pairs.map((p) => [p.sf, p.hs]))
    for (const [entity, things] of Object.entries(truth)) {
      const both = things.filter((t) => t.salesforce && t.hubspot)
      const right = both.filter((t) => twinOf.get(t.salesforce!) === t.hubspot)
      // Linked to a row that stood in HubSpot before and is another thing.
      const foreign = new Set(things.flatMap((t) => [t.hubspot, ...(t.hubspotTwins ?? [])]))
      const wrong = things.filter((t) => {
        const hs = t.salesforce && twinOf.get(t.salesforce)
        return hs && foreign.has(hs) && hs !== t.hubspot && !t.hubspotTwins?.includes(hs)
      })
      // Clean pairs: a row with a true twin beside it can only be reviewed.
      const single = both.filter((t) => !t.hubspotTwins)
      expect(right.length / single.length, entity).toBeGreaterThanOrEqual(0.98)
      expect(wrong, entity).toEqual([])
    }
    const [review] = await h.query<{ n: number }>(`select count(*) as n from match where state = 'open'`)
    expect(review!.n / Object.values(truth).flat().length).toBeLessThanOrEqual(0.02)
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  } finally {
    await h.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}, 180_000)
