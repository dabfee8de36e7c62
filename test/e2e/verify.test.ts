import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { closeDatabase, Harness } from '../support/harness.ts'

/** What is changed behind the engine's back must be reported, and as unexplained. */

let h: Harness
let ids: { account: string; company: string; other: string; otherCompany: string; opportunity: string; deal: string }
beforeEach(async () => {
  h = await Harness.start()
  const account = await h.createAccount({ Name: 'Heron Motors', Website: 'heron.example.com', Phone: '+14155550100' })
  const other = await h.createAccount({ Name: 'Ivory Bank', Website: 'ivory.example.com' })
  const opportunity = (
    await h.sf('POST', '/sobjects/Opportunity', {
      Name: 'Heron pilot',
      AccountId: account,
      StageName: 'Prospecting',
      CloseDate: '2027-01-15',
    })
  ).body.id
  await h.sync()
  ids = {
    account,
    other,
    opportunity,
    company: (await h.twinOf(account, 'hubspot'))!,
    otherCompany: (await h.twinOf(other, 'hubspot'))!,
    deal: (await h.twinOf(opportunity, 'hubspot'))!,
  }
  expect(await h.verify()).toMatchObject({ differences: 0, unexplained: 0 })
})
afterEach(() => h.stop())
afterAll(closeDatabase)

test.each<[string, () => Promise<unknown>, string]>([
  ['a field changed in Salesforce', () => h.sf('PATCH', `/sobjects/Account/${ids.account}`, { Phone: '+14155550999' }), 'phone'],
  [
    'a field changed in HubSpot',
    () => h.hs('PATCH', `/crm/v3/objects/companies/${ids.company}`, { properties: { phone: '+14155550999' } }),
    'phone',
  ],
  ['a row removed in Salesforce', () => h.sf('DELETE', `/sobjects/Opportunity/${ids.opportunity}`), '(row)'],
  ['a row removed in HubSpot', () => h.hs('DELETE', `/crm/v3/objects/deals/${ids.deal}`), '(row)'],
  ['a twin added in Salesforce', () => h.createAccount({ Name: 'Heron Motors', Website: 'heron.example.com' }), '(row)'],
  ['a twin added in HubSpot', () => h.createCompany({ name: 'Heron Motors', domain: 'heron.example.com' }), '(row)'],
  [
    'an association moved in Salesforce',
    () => h.sf('PATCH', `/sobjects/Opportunity/${ids.opportunity}`, { AccountId: ids.other }),
    'account',
  ],
  [
    'an association moved in HubSpot',
    () =>
      h.hs('PUT', `/crm/v4/objects/deals/${ids.deal}/associations/companies/${ids.otherCompany}`, [
        { associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 },
      ]),
    'account',
  ],
])('%s is reported as unexplained', async (_, change, field) => {
  await change()
  const found = await h.verify()
  expect(found.unexplained).toBe(1)
  expect(found.list).toMatchObject([{ field, reason: null }])
})

test('verify writes nothing to either CRM', async () => {
  const before = h.sandbox.world.org.table('Account').touches.length + h.sandbox.world.portal.table('companies').touches.length
  await h.verify()
  expect(h.sandbox.world.org.table('Account').touches.length + h.sandbox.world.portal.table('companies').touches.length).toBe(
    before,
  )
})
