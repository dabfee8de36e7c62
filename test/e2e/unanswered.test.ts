import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { isPassing } from '../../sync/pull/pull.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Writes that are cut off at their worst moment: nothing is lost, nothing is made twice. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

/** A deal in HubSpot, nobody's own (the two owners that Salesforce sets are "adjusted"), with its company and its primary contact. */
async function dealInHubspot() {
  const labels = (await h.hs('GET', '/crm/v4/associations/deals/contacts/labels')).body.results
  const primary = labels.find((l: { label: string | null }) => l.label === 'Primary contact')
  const company = await h.createCompany({ name: 'Ibis Freight', domain: 'ibis.example.com' })
  const contact = (
    await h.hs('POST', '/crm/v3/objects/contacts', {
      properties: { lastname: 'Fenn', email: 'fenn@ibis.example.com' },
      associations: [{ to: { id: company }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 1 }] }],
    })
  ).body.id
  const deal = (
    await h.hs('POST', '/crm/v3/objects/deals', {
      properties: { dealname: 'Ibis rollout', dealstage: 'appointmentscheduled', closedate: '2027-01-15' },
      associations: [
        { to: { id: company }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }] },
        { to: { id: contact }, types: [{ associationCategory: primary.category, associationTypeId: primary.typeId }] },
      ],
    })
  ).body.id
  return { company, contact, deal }
}

/** Syncs on although calls fail, as the jobs do. */
async function syncThrough(): Promise<void> {
  for (;;) {
    try {
      await h.sync()
      return
    } catch (error) {
      if (!isPassing(error)) throw error
    }
  }
}

const roles = async (opportunity: string) =>
  (
    await h.sf(
      'GET',
      `/query?q=${encodeURIComponent(`SELECT ContactId, IsPrimary FROM OpportunityContactRole WHERE OpportunityId = '${opportunity}'`)}`,
    )
  ).body.records as { ContactId: string; IsPrimary: boolean }[]

test('a crash between creating an opportunity and its contact role loses no primary contact', async () => {
  const { contact, deal } = await dealInHubspot()
  const { connector } = h.engine.runtimes[0]!
  const associate = connector.associate.bind(connector)
  connector.associate = () => Promise.reject(new Error('the process ends here'))
  await expect(h.sync()).rejects.toThrow('the process ends here')
  connector.associate = associate
  await h.sync()
  const [opportunity, person] = [(await h.twinOf(deal, 'salesforce'))!, (await h.twinOf(contact, 'salesforce'))!]
  expect(await roles(opportunity)).toEqual([expect.objectContaining({ ContactId: person, IsPrimary: true })])
  expect(h.sandbox.world.counts().salesforce).toMatchObject({ Account: 1, Contact: 1, Opportunity: 1 })
  expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { adjusted: 2 } })
})

test.each([
  ['salesforce', 'POST|PATCH', '/composite/sobjects'],
  ['hubspot', 'POST', '/batch/(create|update)|/associations/.*/batch/create'],
])('answers lost by %s, one after another: no twin, no field lost', async (crm, methods, path) => {
  const { deal } = await dealInHubspot()
  await h.createAccount({ Name: 'Jay Tools', Website: 'jay.example.com', Phone: '+14155550101' })
  await h.control('/faults', {
    faults: methods.split('|').map((method) => ({ crm, method, path, times: 4, action: 'drop_after' })),
  })
  await syncThrough()
  await h.control('/faults', { faults: [] })
  await h.sync()
  expect(h.sandbox.world.counts().salesforce).toMatchObject({ Account: 2, Contact: 1, Opportunity: 1 })
  expect(h.sandbox.world.counts().hubspot).toMatchObject({ companies: 2, contacts: 1, deals: 1 })
  expect(await roles((await h.twinOf(deal, 'salesforce'))!)).toHaveLength(1)
  expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { adjusted: 2 } })
})
