import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { recordsOfUser } from '../../store/queries.ts'
import * as queues from '../../store/queues.ts'
import { userDirectory } from '../../sync/runtime.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Values that the two CRMs keep differently: dates in a time zone, amounts in a currency, owners, filters. */

let h: Harness
afterEach(() => h.stop())
afterAll(closeDatabase)

const COMPANY_OF_DEAL = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }]

/** A deal typed in HubSpot, with its company; answers the ids on both sides after a sync. */
async function dealFromHubspot(properties: Record<string, string>) {
  const company = await h.createCompany({ name: 'Kite Air', domain: 'kite.example.com' })
  const deal = (
    await h.hs('POST', '/crm/v3/objects/deals', {
      properties: { dealname: 'Kite renewal', dealstage: 'contractsent', pipeline: 'default', ...properties },
      associations: [{ to: { id: company }, types: COMPANY_OF_DEAL }],
    })
  ).body.id as string
  await h.sync()
  return { company, deal, opportunity: (await h.twinOf(deal, 'salesforce'))! }
}

const opportunity = async (id: string) => (await h.sf('GET', `/sobjects/Opportunity/${id}`)).body

describe('a date', () => {
  test('is the day that the portal shows, whatever its time zone', async () => {
    h = await Harness.start({}, { hubspotTimeZone: 'Pacific/Honolulu' })
    // 08:30 UTC on the 2nd is still the evening of the 1st in Honolulu.
    const { deal, opportunity: id } = await dealFromHubspot({ closedate: '2027-03-02T08:30:00Z' })
    expect((await opportunity(id)).CloseDate).toBe('2027-03-01')
    // Back out it is a moment of that same day there, and the first one is left as it was typed.
    expect((await h.object('deals', deal, ['closedate'])).closedate).toBe('2027-03-02T08:30:00.000Z')
    await h.sf('PATCH', `/sobjects/Opportunity/${id}`, { CloseDate: '2027-04-15' })
    await h.sync()
    const written = (await h.object('deals', deal, ['closedate'])).closedate!
    expect(new Date(written).toLocaleDateString('en-CA', { timeZone: 'Pacific/Honolulu' })).toBe('2027-04-15')
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('typed in Salesforce is that day in a portal east of Greenwich', async () => {
    h = await Harness.start({}, { hubspotTimeZone: 'Pacific/Auckland' })
    const account = await h.createAccount({ Name: 'Lark Mills', Website: 'lark.example.com' })
    const { id } = (
      await h.sf('POST', '/sobjects/Opportunity', {
        Name: 'Lark pilot',
        AccountId: account,
        StageName: 'Prospecting',
        CloseDate: '2027-01-31',
      })
    ).body
    await h.sync()
    const deal = (await h.twinOf(id, 'hubspot'))!
    const { closedate } = await h.object('deals', deal, ['closedate'])
    expect(new Date(closedate!).toLocaleDateString('en-CA', { timeZone: 'Pacific/Auckland' })).toBe('2027-01-31')
    await h.sync()
    expect((await opportunity(id)).CloseDate).toBe('2027-01-31')
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })
})

describe('an amount', () => {
  test('in the currency of both CRMs travels to the cent', async () => {
    h = await Harness.start()
    const { opportunity: id, deal } = await dealFromHubspot({
      amount: '1234.56',
      deal_currency_code: 'USD',
      closedate: '2027-03-01',
    })
    expect((await opportunity(id)).Amount).toBe(1234.56)
    await h.sf('PATCH', `/sobjects/Opportunity/${id}`, { Amount: 0.1 })
    await h.sync()
    expect(await h.object('deals', deal, ['amount'])).toMatchObject({ amount: '0.1' })
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('in a currency that the other CRM does not have is refused there by name, and the rest is written', async () => {
    h = await Harness.start()
    const { opportunity: id } = await dealFromHubspot({ amount: '500', deal_currency_code: 'EUR', closedate: '2027-03-01' })
    expect(await opportunity(id)).toMatchObject({ Name: 'Kite renewal', CloseDate: '2027-03-01', Amount: null })
    const letters = await h.query<{ field: string; message: string }>('select field, message from dead_letter')
    expect(letters).toEqual([{ field: 'amount', message: expect.stringContaining('EUR') }])
    expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { dead_letter: 1 } })
  })

  test('with more digits than the other CRM keeps is told and never cut, and the rest is written', async () => {
    h = await Harness.start()
    const { opportunity: id } = await dealFromHubspot({ amount: '99.999', closedate: '2027-03-01' })
    expect(await opportunity(id)).toMatchObject({ Name: 'Kite renewal', Amount: null })
    const letters = await h.query<{ field: string; message: string }>('select field, message from dead_letter')
    expect(letters).toEqual([{ field: 'amount', message: expect.stringContaining('more decimals') }])
    expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { dead_letter: 1 } })
  })
})

describe('an owner', () => {
  test('is the same person in both CRMs, by e-mail', async () => {
    h = await Harness.start()
    const { opportunity: id, deal } = await dealFromHubspot({ hubspot_owner_id: '70000003', closedate: '2027-03-01' })
    const email = h.sandbox.world.portal.owners.get('70000003')!.email
    const user = async (userId: string) => (await h.sf('GET', `/sobjects/User/${userId}`)).body
    expect(await user((await opportunity(id)).OwnerId)).toMatchObject({ Email: email })
    const other = [...h.sandbox.world.portal.owners.values()].find((o) => o.active && o.email !== email)!
    const [found] = (await h.sf('GET', `/query?q=${encodeURIComponent(`SELECT Id FROM User WHERE Email = '${other.email}'`)}`))
      .body.records
    await h.sf('PATCH', `/sobjects/Opportunity/${id}`, { OwnerId: found.Id })
    await h.sync()
    expect(await h.object('deals', deal, ['hubspot_owner_id'])).toMatchObject({ hubspot_owner_id: other.id })
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('with another address in the other CRM is matched once the override table says so', async () => {
    h = await Harness.start()
    const { portal } = h.sandbox.world
    const owner = portal.owners.get('70000003')!
    const { deal, opportunity: id } = await dealFromHubspot({ closedate: '2027-03-01' })
    const rt = h.engine.runtimes[0]!
    // In HubSpot she goes by an address that no Salesforce user has.
    const her = 'her.own@elsewhere.example'
    h.engine.runtimes[1]!.users = userDirectory([{ id: owner.id, email: her, name: 'Her', active: true }], {})
    await h.hs('PATCH', `/crm/v3/objects/deals/${deal}`, { properties: { hubspot_owner_id: owner.id } })
    await h.sync()
    expect(await h.query(`select subject from finding where code = 'unmatched_user'`)).toEqual([{ subject: her }])
    rt.users = userDirectory(rt.people, { [her]: owner.email })
    await h.tx(async (tx) => queues.touchOutbox(tx, await recordsOfUser(tx, her)))
    await h.sync()
    const [user] = (await h.sf('GET', `/query?q=${encodeURIComponent(`SELECT Id FROM User WHERE Email = '${owner.email}'`)}`))
      .body.records
    expect((await opportunity(id)).OwnerId).toBe(user.Id)
  })

  test('that HubSpot does not name stays the one Salesforce sets, and does not travel', async () => {
    h = await Harness.start()
    const { opportunity: id, deal } = await dealFromHubspot({ closedate: '2027-03-01' })
    await h.sync()
    expect((await opportunity(id)).OwnerId).toBeTruthy()
    expect(await h.object('deals', deal, ['hubspot_owner_id'])).toMatchObject({ hubspot_owner_id: null })
    expect(await h.query(`select * from finding where code = 'unmatched_user'`)).toEqual([])
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })
})

describe('a filter', () => {
  test('crossed in HubSpot: outside nothing flows, back inside it is merged against what was agreed', async () => {
    h = await Harness.start()
    const sf = await h.createAccount({ Name: 'Merlin Cargo', Website: 'merlin.example.com', Phone: '+14155550100' })
    await h.sync()
    const hs = (await h.twinOf(sf, 'hubspot'))!
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { type: 'RESELLER' } })
    await h.sync()
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550111' })
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { numberofemployees: '12' } })
    await h.sync()
    expect(await h.object('companies', hs, ['phone'])).toMatchObject({ phone: '+14155550100' })
    expect((await h.account(sf)).NumberOfEmployees).toBeNull()
    expect(h.sandbox.world.counts()).toMatchObject({ salesforce: { Account: 1 }, hubspot: { companies: 1 } })
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { type: 'PROSPECT' } })
    await h.sync()
    expect(await h.object('companies', hs, ['phone'])).toMatchObject({ phone: '+14155550111' })
    expect((await h.account(sf)).NumberOfEmployees).toBe(12)
    expect(h.sandbox.world.counts()).toMatchObject({ salesforce: { Account: 1 }, hubspot: { companies: 1 } })
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('crossed while both sides edit one field: back inside it is a conflict, nothing is lost', async () => {
    h = await Harness.start()
    const sf = await h.createAccount({ Name: 'Nuthatch Inc', Website: 'nuthatch.example.com', Phone: '+14155550100' })
    await h.sync()
    const hs = (await h.twinOf(sf, 'hubspot'))!
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Type: 'Technology Partner' })
    await h.sync()
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550122' })
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { phone: '+14155550133' } })
    await h.sync()
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Type: 'Customer - Direct' })
    await h.sync()
    expect((await h.account(sf)).Phone).toBe('+14155550122')
    expect(await h.object('companies', hs, ['phone'])).toMatchObject({ phone: '+14155550133' })
    const found = await h.query<{ field: string }>(`select field from conflict where state = 'open'`)
    expect(found).toEqual([{ field: 'phone' }])
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })
})
