import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { FenceLost } from '../../store/lanes.ts'
import { pullSlice } from '../../sync/pull/pull.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Histories of the protocol that end badly where one rule is missing. The others stand in the files beside this. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

async function linked(fields: Record<string, unknown> = {}) {
  const sf = await h.createAccount({ Name: 'Osprey Docks', Website: 'osprey.example.com', Phone: '+14155550100', ...fields })
  await h.sync()
  return { sf, hs: (await h.twinOf(sf, 'hubspot'))! }
}
const phoneThere = async (hs: string) => (await h.object('companies', hs, ['phone'])).phone
const conflicts = () =>
  h.query<{ field: string; sides: { value: unknown }[] }>(`select field, sides from conflict where state = 'open'`)

test('two linked rows differ at first link under the policy manual: one conflict, not one per cycle', async () => {
  for (const rt of h.engine.runtimes)
    for (const m of rt.mappings) if (m.entity === 'account') m.document = { ...m.document, firstLink: 'manual' }
  await h.createAccount({ Name: 'Osprey Docks', Website: 'osprey.example.com', Phone: '+14155550100' })
  await h.createCompany({ name: 'Osprey Docks', domain: 'osprey.example.com', phone: '+14155550199' })
  for (let cycle = 0; cycle < 3; cycle++) await h.sync()
  const found = await conflicts()
  expect(found.map((c) => c.field)).toEqual(['phone'])
  expect(new Set(found[0]!.sides.map((s) => s.value))).toEqual(new Set(['+14155550100', '+14155550199']))
  expect(await h.query(`select id from conflict`)).toHaveLength(1)
})

test('a pull reads a row, is slow, and a push writes it meanwhile: the old read is refused and repeated', async () => {
  const { sf, hs } = await linked()
  const { connector } = h.engine.runtimes[0]!
  const changes = connector.changes.bind(connector)
  await h.sf('PATCH', `/sobjects/Account/${sf}`, { NumberOfEmployees: 7 })
  let release = () => {}
  const held = new Promise<void>((done) => {
    release = done
  })
  let read = () => {}
  const hasRead = new Promise<void>((done) => {
    read = done
  })
  connector.changes = async (requests) => {
    const pages = await changes(requests)
    read()
    await held
    return pages
  }
  const slow = pullSlice(h.engine, h.engine.runtimes[0]!, { polling: 'all' })
  await hasRead
  // Another worker carries an edit of HubSpot to Salesforce while the read waits to be merged.
  connector.changes = changes
  await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { phone: '+14155550177' } })
  await h.sync()
  release()
  await expect(slow).rejects.toThrow(FenceLost)
  await h.sync()
  expect(await h.account(sf)).toMatchObject({ Phone: '+14155550177', NumberOfEmployees: 7 })
  expect(await phoneThere(hs)).toBe('+14155550177')
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('a rep creates the same company shortly before our create: it is found and bound, no twin', async () => {
  await linked()
  const sf = await h.createAccount({ Name: 'Petrel Foods', Website: 'petrel.example.com' })
  // Salesforce is read: the record exists, and its company is about to be made in HubSpot.
  await pullSlice(h.engine, h.engine.runtimes[0]!, { polling: 'all' })
  const rep = await h.createCompany({ name: 'Petrel Foods', domain: 'petrel.example.com', phone: '+14155550150' })
  await h.sync()
  expect(await h.twinOf(sf, 'hubspot')).toBe(rep)
  expect((await h.account(sf)).Phone).toBe('+14155550150')
  expect(h.sandbox.world.counts().hubspot.companies).toBe(2)
})

test('a person deletes the row that our update is about to write: it is not created again', async () => {
  const { sf, hs } = await linked()
  const { connector } = h.engine.runtimes[1]!
  const update = connector.update.bind(connector)
  connector.update = async (request) => {
    await h.hs('DELETE', `/crm/v3/objects/companies/${hs}`)
    connector.update = update
    return update(request)
  }
  await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550188' })
  await h.sync()
  await h.scan()
  expect(h.sandbox.world.counts().hubspot.companies).toBe(0)
  // An edit that had not arrived stands against the delete: a person decides.
  expect(await h.query(`select frozen_as as "as" from record where frozen is not null`)).toEqual([{ as: 'delete_or_edit' }])
  expect((await h.account(sf)).IsDeleted).toBe(false)
})

test('Salesforce commits late, with an older stamp: found by the overlap', async () => {
  const { sf, hs } = await linked()
  const other = await linked({ Name: 'Quail Park', Website: 'quail.example.com' })
  await h.sf('PATCH', `/sobjects/Account/${other.sf}`, { Phone: '+14155550161' })
  await h.sync()
  await h.control('/settings', { salesforceLateCommitMs: 60_000 })
  await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550162' })
  await h.control('/settings', { salesforceLateCommitMs: 0 })
  await h.sync()
  expect(await phoneThere(hs)).toBe('+14155550162')
})

test('HubSpot shows edits late, after the cursor has passed them: still read', async () => {
  const { sf } = await linked()
  const other = await linked({ Name: 'Raven Press', Website: 'raven.example.com' })
  const third = await linked({ Name: 'Siskin Labs', Website: 'siskin.example.com' })
  await h.control('/settings', { searchLagMs: 30_000 })
  await h.hs('PATCH', `/crm/v3/objects/companies/${other.hs}`, { properties: { phone: '+14155550163' } })
  await h.sync()
  expect((await h.account(other.sf)).Phone).toBe('+14155550100')
  // A later edit moves the cursor on past the one that search shows half a minute late.
  await h.control('/advance', { ms: 31_000 })
  await h.control('/settings', { searchLagMs: 0 })
  await h.hs('PATCH', `/crm/v3/objects/companies/${third.hs}`, { properties: { phone: '+14155550164' } })
  await h.sync()
  expect((await h.account(other.sf)).Phone).toBe('+14155550163')
  expect((await h.account(third.sf)).Phone).toBe('+14155550164')
  expect((await h.account(sf)).Phone).toBe('+14155550100')
})

test('a second worker starts while the first is stuck in a request: the first cannot commit', async () => {
  const { sf, hs } = await linked()
  const rt = h.engine.runtimes[1]!
  const update = rt.connector.update.bind(rt.connector)
  let stuck = () => {}
  const isStuck = new Promise<void>((done) => {
    stuck = done
  })
  let release = () => {}
  const held = new Promise<void>((done) => {
    release = done
  })
  rt.connector.update = async (request) => {
    stuck()
    await held
    return update(request)
  }
  await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550171' })
  // Whoever lost a lane stops, and has committed nothing since.
  const quietly = (work: Promise<unknown>) =>
    work.catch((error) => {
      if (!(error instanceof FenceLost)) throw error
    })
  const first = quietly(h.sync())
  await isStuck
  rt.connector.update = update
  // The second worker takes the lanes over; the write of the first is open, and is accounted for by a read.
  const second = quietly(h.sync())
  release()
  await Promise.all([first, second])
  await h.sync()
  expect(await phoneThere(hs)).toBe('+14155550171')
  expect(await h.query(`select write_id from open_write where state = 'sent'`)).toEqual([])
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('a person clears the parent of an account: the clear travels, once', async () => {
  const parent = await h.createAccount({ Name: 'Teal Holding', Website: 'teal.example.com' })
  const child = await h.createAccount({ Name: 'Teal Foods', Website: 'foods.example.com', ParentId: parent })
  await h.sync()
  await h.sf('PATCH', `/sobjects/Account/${child}`, { ParentId: null, Phone: '+14155550131' })
  expect((await h.sync()).quiet).toBe(true)
  expect(await phoneThere((await h.twinOf(child, 'hubspot'))!)).toBe('+14155550131')
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('after a merge in HubSpot edits of the surviving row still travel', async () => {
  const one = await linked()
  const other = await linked({ Name: 'Osprey Two', Website: 'osprey-two.example.com' })
  const merged = (await h.hs('POST', '/crm/v3/objects/companies/merge', { primaryObjectId: one.hs, objectIdToMerge: other.hs }))
    .body.id
  await h.sync()
  await h.hs('PATCH', `/crm/v3/objects/companies/${merged}`, { properties: { phone: '+14155550141' } })
  await h.sync()
  expect((await h.account(one.sf)).Phone).toBe('+14155550141')
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})
