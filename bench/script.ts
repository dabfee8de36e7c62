import { Client } from '@hubspot/api-client'
import { Connection } from 'jsforce'
import type { SandboxInfo } from '../sandbox/sandbox.ts'

/**
 * The careful script that Concordat is compared with: copies Salesforce accounts into HubSpot companies with the same
 * client packages, pages of 2,000, upserts of 100, five at a time. It detects, remembers and undoes nothing.
 * Answers the number of calls.
 */
export async function copyByScript(info: SandboxInfo): Promise<{ calls: number; rows: number }> {
  const salesforce = new Connection({
    instanceUrl: info.salesforce.instanceUrl,
    accessToken: info.salesforce.personToken,
    version: '60.0',
  })
  const hubspot = new Client({ basePath: info.hubspot.baseUrl, accessToken: info.hubspot.personToken, numberOfApiCallRetries: 1 })
  let calls = 0
  let rows = 0
  const running = new Set<Promise<unknown>>()
  const upsert = async (inputs: { id: string; idProperty: string; properties: Record<string, string> }[]) => {
    calls++
    await hubspot.crm.companies.batchApi.upsert({ inputs })
  }
  let page = await salesforce.query<Record<string, string | number | null>>(
    `SELECT Id, Name, Website, Phone, NumberOfEmployees, AnnualRevenue, BillingStreet, BillingCity, BillingState, BillingPostalCode, BillingCountry, Concordat_Id__c FROM Account`,
    { autoFetch: false },
  )
  calls++
  for (;;) {
    for (let i = 0; i < page.records.length; i += 100) {
      const inputs = page.records.slice(i, i + 100).map((a) => {
        const properties = Object.fromEntries(
          Object.entries({
            name: a.Name,
            domain: a.Website,
            phone: a.Phone,
            numberofemployees: a.NumberOfEmployees,
            annualrevenue: a.AnnualRevenue,
            address: a.BillingStreet,
            city: a.BillingCity,
            state: a.BillingState,
            zip: a.BillingPostalCode,
            country: a.BillingCountry,
          })
            .filter(([, v]) => v !== null && v !== undefined)
            .map(([k, v]) => [k, String(v)]),
        )
        return { id: String(a.Id), idProperty: 'concordat_id', properties }
      })
      rows += inputs.length
      if (running.size >= 5) await Promise.race(running)
      const one: Promise<unknown> = upsert(inputs).finally(() => running.delete(one))
      running.add(one)
    }
    if (page.done) break
    page = await salesforce.queryMore(page.nextRecordsUrl!)
    calls++
  }
  await Promise.all(running)
  return { calls, rows }
}
