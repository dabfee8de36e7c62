import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BrakeSetting } from '../../mappings/brake.ts'
import { approveBrakes } from '../../store/attention.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** What would take much away at once stops before its first write, and waits for a person; everything else goes on. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

/** So many linked accounts; answers their ids in Salesforce. */
async function accounts(n: number): Promise<string[]> {
  const records = Array.from({ length: n }, (_, i) => ({
    attributes: { type: 'Account' },
    Name: `Heath ${i}`,
    Website: `heath-${i}.example.com`,
    Phone: `+4930100${String(i).padStart(4, '0')}`,
  }))
  const made = (await h.sf('POST', '/composite/sobjects', { allOrNone: false, records })).body as { id: string }[]
  await h.sync()
  return made.map((r) => r.id)
}
const change = (ids: string[], values: (i: number) => Record<string, unknown>) =>
  h.sf('PATCH', '/composite/sobjects', {
    allOrNone: false,
    records: ids.map((id, i) => ({ attributes: { type: 'Account' }, id, ...values(i) })),
  })
const mapping = () => h.engine.runtimes.find((rt) => rt.kind === 'hubspot')!.mappings.find((m) => m.entity === 'account')!
const brakes = () => h.query<{ kind: string; count: number; state: string }>(`select kind, count, state from brake order by kind`)
const phonesInHubspot = async () => {
  const { results } = (
    await h.hs('POST', '/crm/v3/objects/companies/search', { filterGroups: [], limit: 100, properties: ['phone', 'name'] })
  ).body as { results: { properties: { phone: string; name: string } }[] }
  return results.map((r) => r.properties)
}

describe('overwrites', () => {
  test('go through by default, however many', async () => {
    const ids = await accounts(80)
    await change(ids, (i) => ({ Phone: `+4930200${String(i).padStart(4, '0')}` }))
    await h.sync()
    expect(await brakes()).toEqual([])
    expect((await phonesInHubspot()).every((p) => p.phone.startsWith('+4930200'))).toBe(true)
  })

  test('stop at the number that an object is given, until they are approved', async () => {
    const ids = await accounts(12)
    mapping().document.brake.overwrite = { number: 5 }
    await change(ids.slice(0, 8), (i) => ({ Phone: `+493020000${i}` }))
    const fresh = await h.createAccount({ Name: 'New meanwhile', Website: 'new-meanwhile.example.com' })
    await h.sync()
    expect(await brakes()).toEqual([{ kind: 'overwrite', count: 8, state: 'waiting' }])
    expect((await phonesInHubspot()).filter((p) => p.phone?.startsWith('+4930200'))).toEqual([])
    expect(await h.twinOf(fresh, 'hubspot')).toBeDefined()
    expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { brake: 8 } })
    await h.tx((tx) => approveBrakes(tx))
    await h.sync()
    expect((await phonesInHubspot()).filter((p) => p.phone?.startsWith('+4930200'))).toHaveLength(8)
    expect(await h.verify()).toMatchObject({ differences: 0 })
  })

  test('of one field stop rows in which that field changes, and no others', async () => {
    const ids = await accounts(12)
    mapping().byName.get('phone')!.mapping.brake = { overwrite: { number: 2 } }
    await change(ids.slice(0, 4), (i) => ({ Phone: `+493020000${i}` }))
    await change(ids.slice(4, 12), (i) => ({ Name: `Moor ${i}` }))
    await h.sync()
    expect(await brakes()).toEqual([{ kind: 'overwrite phone', count: 4, state: 'waiting' }])
    const companies = await phonesInHubspot()
    expect(companies.filter((p) => p.name.startsWith('Moor'))).toHaveLength(8)
    expect(companies.filter((p) => p.phone.startsWith('+4930200'))).toEqual([])
    await h.tx((tx) => approveBrakes(tx))
    await h.sync()
    expect((await phonesInHubspot()).filter((p) => p.phone.startsWith('+4930200'))).toHaveLength(4)
  })
})

describe('clears', () => {
  test.each<[string, BrakeSetting, number]>([
    ['stop at the usual share', { share: 0.05, number: 50 }, 1],
    ['go through where the brake is off', 'off', 0],
    ['go through below the number that is set', { number: 30 }, 0],
  ])('%s', async (_, setting, held) => {
    const ids = await accounts(20)
    mapping().document.brake.clear = setting
    await change(ids.slice(0, 10), () => ({ Phone: null }))
    await h.sync()
    expect(await brakes()).toHaveLength(held)
    expect((await phonesInHubspot()).filter((p) => !p.phone)).toHaveLength(held ? 0 : 10)
  })

  test('that are taken back by themselves leave nothing to approve', async () => {
    const ids = await accounts(20)
    await change(ids.slice(0, 10), () => ({ Phone: null }))
    await h.sync()
    expect(await brakes()).toEqual([{ kind: 'clear', count: 10, state: 'waiting' }])
    await change(ids.slice(0, 10), (i) => ({ Phone: `+4930100${String(i).padStart(4, '0')}` }))
    await h.sync()
    expect(await brakes()).toEqual([])
    expect(await h.verify()).toMatchObject({ differences: 0 })
  })
})

describe('a side that suddenly looks empty', () => {
  test('is not believed: its rows stay linked until a person has looked, and go on by themselves when they are back', async () => {
    const ids = await accounts(20)
    h.sandbox.world.configure({ salesforceHiddenRows: ids.slice(0, 15) })
    await h.scan()
    expect(await brakes()).toEqual([{ kind: 'leave', count: 15, state: 'waiting' }])
    expect(await h.query(`select count(*)::int as n from link where state = 'live'`)).toEqual([{ n: 40 }])
    h.sandbox.world.configure({ salesforceHiddenRows: [] })
    await h.query(`update inbox set not_before = '-infinity' returning 1`)
    await h.scan()
    expect(await brakes()).toEqual([])
    expect(await h.verify()).toMatchObject({ differences: 0 })
  })

  test('is believed once a person says so', async () => {
    const ids = await accounts(20)
    h.sandbox.world.configure({ salesforceHiddenRows: ids.slice(0, 15) })
    await h.scan()
    await h.tx((tx) => approveBrakes(tx))
    await h.sync()
    expect(await h.query(`select count(*)::int as n from link where state = 'outside'`)).toEqual([{ n: 15 }])
    expect(await brakes()).toEqual([])
  })
})

test('rows that a filter does not match any more, all at once, stay what they were until a person has looked', async () => {
  const ids = await accounts(20)
  await change(ids, () => ({ Type: 'Channel Partner / Reseller' }))
  await h.sync()
  expect(await brakes()).toEqual([{ kind: 'leave', count: 20, state: 'waiting' }])
  expect(await h.query(`select distinct entity, state from link`)).toEqual([{ entity: 'account', state: 'live' }])
  await h.tx((tx) => approveBrakes(tx))
  await h.sync()
  expect(await h.query(`select count(*)::int as n from record where entity = 'partner'`)).toEqual([{ n: 20 }])
})
