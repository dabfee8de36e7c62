import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { approveBrakes } from '../../store/attention.ts'
import { inTransaction } from '../../sync/engine.ts'
import { decideFrozen } from '../../sync/frozen.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Deletes that meet something living: nothing that a person still needs goes with them. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

/** An account with a contact and a deal below it, linked in both CRMs. */
async function family() {
  const account = await h.createAccount({ Name: 'Heron Labs', Website: 'heron.example.com', Phone: '+14155550100' })
  const contact = (
    await h.sf('POST', '/sobjects/Contact', { LastName: 'Moor', Email: 'moor@heron.example.com', AccountId: account })
  ).body.id
  const deal = (
    await h.sf('POST', '/sobjects/Opportunity', {
      Name: 'Heron rollout',
      AccountId: account,
      StageName: 'Prospecting',
      CloseDate: '2027-01-15',
    })
  ).body.id
  await h.sync()
  const twin = async (id: string) => (await h.twinOf(id, 'hubspot'))!
  return { account, contact, deal, company: await twin(account), person: await twin(contact), hsDeal: await twin(deal) }
}

const frozen = () =>
  h.query<{ id: string; entity: string; as: string; why: string }>(
    `select id, entity, frozen_as as "as", frozen as why from record where frozen is not null`,
  )
const decide = (id: string, decision: 'delete' | 'keep') =>
  inTransaction(h.engine, (tx) => decideFrozen(tx, h.engine, id, decision))

test('an archived company takes no living contact or deal with it: the delete waits and asks', async () => {
  const f = await family()
  await h.hs('DELETE', `/crm/v3/objects/companies/${f.company}`)
  await h.scan()
  expect((await h.account(f.account)).IsDeleted).toBe(false)
  expect((await h.sf('GET', `/sobjects/Contact/${f.contact}`)).status).toBe(200)
  expect((await h.sf('GET', `/sobjects/Opportunity/${f.deal}`)).body.AccountId).toBe(f.account)
  expect((await h.hs('GET', `/crm/v3/objects/contacts/${f.person}`)).status).toBe(200)
  expect(await frozen()).toEqual([
    expect.objectContaining({ entity: 'account', as: 'children', why: expect.stringContaining('1 contact and 1 deal') }),
  ])
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('its delete goes on by itself once its children are gone too, children first', async () => {
  const f = await family()
  await h.hs('DELETE', `/crm/v3/objects/companies/${f.company}`)
  await h.scan()
  await h.hs('DELETE', `/crm/v3/objects/contacts/${f.person}`)
  await h.hs('DELETE', `/crm/v3/objects/deals/${f.hsDeal}`)
  await h.scan()
  expect(await frozen()).toEqual([])
  expect(h.sandbox.world.counts().salesforce).toMatchObject({ Account: 0, Contact: 0, Opportunity: 0 })
  const order = await h.query<{ entity: string }>(
    `select link.entity from write join link on link.id = write.link_id where write.kind = 'delete' order by write.id`,
  )
  expect(order.at(-1)).toEqual({ entity: 'account' })
  expect(await h.verify()).toMatchObject({ differences: 0 })
})

test('kept by a person, the company comes back with its children pointing at it', async () => {
  const f = await family()
  await h.hs('DELETE', `/crm/v3/objects/companies/${f.company}`)
  await h.scan()
  await decide((await frozen())[0]!.id, 'keep')
  await h.sync()
  const again = (await h.twinOf(f.account, 'hubspot'))!
  expect(again).not.toBe(f.company)
  for (const [type, id] of [
    ['contacts', f.person],
    ['deals', f.hsDeal],
  ]) {
    const { results } = (await h.hs('GET', `/crm/v4/objects/${type}/${id}/associations/companies`)).body
    expect(results.map((r: { toObjectId: number }) => String(r.toObjectId))).toEqual([again])
  }
  expect(await frozen()).toEqual([])
  expect(await h.verify()).toMatchObject({ differences: 0 })
})

test('deleted by a person in spite of its children, it goes with what the CRM deletes below it', async () => {
  const f = await family()
  await h.hs('DELETE', `/crm/v3/objects/companies/${f.company}`)
  await h.scan()
  await decide((await frozen())[0]!.id, 'delete')
  await h.sync()
  expect(h.sandbox.world.counts().salesforce).toMatchObject({ Account: 0, Contact: 0, Opportunity: 0 })
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('a whole account deleted in Salesforce leaves HubSpot too, children before their parent', async () => {
  const f = await family()
  await h.sf('DELETE', `/sobjects/Account/${f.account}`)
  await h.sync()
  await h.sync()
  expect(h.sandbox.world.counts().hubspot).toMatchObject({ companies: 0, contacts: 0, deals: 0 })
  expect(await frozen()).toEqual([])
  expect(await h.verify()).toMatchObject({ differences: 0 })
})

test('an edit that our delete would have taken along is journalled and asked about; keep brings it to the other side', async () => {
  const f = await family()
  await h.sf('DELETE', `/sobjects/Opportunity/${f.deal}`)
  // The edit is saved after the last poll of HubSpot and before our delete: only its verify read sees it.
  h.engine.runtimes[1]!.connector.changes = async (requests) => requests.map((r) => ({ object: r.object, snapshots: [] }))
  await h.hs('PATCH', `/crm/v3/objects/deals/${f.hsDeal}`, { properties: { dealname: 'Heron rollout, phase two' } })
  await h.sync()
  expect((await h.hs('GET', `/crm/v3/objects/deals/${f.hsDeal}`)).status).toBe(200)
  const [record] = await frozen()
  expect(record).toMatchObject({ entity: 'deal', as: 'delete_or_edit', why: expect.stringContaining('name edited in hubspot') })
  expect(await h.query(`select fields from change where kind = 'conflict'`)).toEqual([
    { fields: { name: ['Heron rollout', 'Heron rollout, phase two'] } },
  ])
  await decide(record!.id, 'keep')
  await h.sync()
  const again = (await h.twinOf(f.hsDeal, 'salesforce'))!
  expect((await h.sf('GET', `/sobjects/Opportunity/${again}`)).body).toMatchObject({
    Name: 'Heron rollout, phase two',
    AccountId: f.account,
  })
  expect(await h.verify()).toMatchObject({ differences: 0 })
})

test('a delete here while a change waited to be written here: delete takes the other side along', async () => {
  const f = await family()
  await h.hs('PATCH', `/crm/v3/objects/contacts/${f.person}`, { properties: { jobtitle: 'Head of Labs' } })
  await h.sf('DELETE', `/sobjects/Contact/${f.contact}`)
  await h.sync()
  const [record] = await frozen()
  expect(record).toMatchObject({ entity: 'contact', as: 'delete_or_edit' })
  await decide(record!.id, 'delete')
  await h.sync()
  expect((await h.hs('GET', `/crm/v3/objects/contacts/${f.person}`)).status).toBe(404)
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('nothing to decide is refused with a clear message', async () => {
  await family()
  const [record] = await h.query<{ id: string }>(`select id from record where entity = 'account'`)
  await expect(decide(record!.id, 'delete')).rejects.toThrow(/is not frozen/)
})

test('a mass delete stops before it begins; what is new goes on; an approval is for that one alone', async () => {
  const accounts = (prefix: string, n: number) =>
    Array.from({ length: n }, (_, i) => ({
      attributes: { type: 'Account' },
      Name: `${prefix} ${i}`,
      Website: `${prefix}-${i}.example.com`,
    }))
  const ids: string[] = []
  for (const records of [accounts('heath', 150)])
    ids.push(
      ...((await h.sf('POST', '/composite/sobjects', { allOrNone: false, records })).body as { id: string }[]).map((r) => r.id),
    )
  await h.sync()
  const remove = (list: string[]) => h.sf('DELETE', `/composite/sobjects?ids=${list.join(',')}&allOrNone=false`)
  const companies = async () =>
    ((await h.hs('POST', '/crm/v3/objects/companies/search', { filterGroups: [], limit: 1 })).body as { total: number }).total
  await remove(ids.slice(0, 55))
  const fresh = await h.createAccount({ Name: 'New meanwhile', Website: 'new-meanwhile.example.com' })
  await h.sync()
  expect(await companies()).toBe(151)
  expect(await h.twinOf(fresh, 'hubspot')).toBeDefined()
  expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { brake: 55 } })
  await h.tx((tx) => approveBrakes(tx))
  await h.sync()
  expect(await companies()).toBe(96)
  await remove(ids.slice(55, 110))
  await h.sync()
  expect(await companies()).toBe(96)
  expect(await h.query(`select state, count from brake`)).toEqual([{ state: 'waiting', count: 55 }])
})
