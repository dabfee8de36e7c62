import { existsSync, readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { webhookApp } from '../../webhooks/app.ts'
import { touchedBy } from '../../webhooks/hubspot/events.ts'
import { isSigned, signV3 } from '../../webhooks/hubspot/signature.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

const VECTORS = new URL('../../../shared/crm-truth/hubspot/signature-vectors.json', import.meta.url)
const NOW = 1_800_000_000_000
const request = (over: object = {}) => ({
  method: 'POST',
  uri: 'https://x.example/webhooks/hubspot',
  body: '[]',
  signature: signV3('s', 'POST', 'https://x.example/webhooks/hubspot', '[]', String(NOW)),
  timestamp: String(NOW),
  ...over,
})

describe('the v3 signature', () => {
  test.skipIf(!existsSync(VECTORS))("agrees with the vendor's published vectors", () => {
    const { vectors } = JSON.parse(readFileSync(VECTORS, 'utf8')) as { vectors: Record<string, string>[] }
    const known = vectors.filter((v) => v.version === 'v3')
    expect(known.length).toBeGreaterThan(0)
    for (const v of known) expect(signV3(v.clientSecret!, v.method!, v.url!, v.body!, v.timestamp!), v.name).toBe(v.signature)
  })
  test('is accepted when right and fresh', () => expect(isSigned('s', request(), NOW)).toBe(true))
  test.each([
    ['another secret', {}, 't', NOW],
    ['another body', { body: '[1]' }, 's', NOW],
    ['another address', { uri: 'https://y.example/' }, 's', NOW],
    ['no timestamp', { timestamp: undefined }, 's', NOW],
    ['a timestamp that is no number', { timestamp: 'soon' }, 's', NOW],
    ['one that is six minutes old', {}, 's', NOW + 360_000],
    ['one from the future', {}, 's', NOW - 120_000],
    ['no signature', { signature: undefined }, 's', NOW],
  ])('is refused with %s', (_, over, secret, now) => expect(isSigned(secret, request(over), now)).toBe(false))
  test('decodes only the escapes HubSpot decodes', () =>
    expect(signV3('s', 'GET', 'https://x.example/a%3Ab?q=%26', '', '1')).toBe(
      signV3('s', 'GET', 'https://x.example/a:b?q=%26', '', '1'),
    ))
})

test('an association event touches both records, a merge all of its ids', () => {
  expect(
    touchedBy([
      { subscriptionType: 'deal.associationChange', associationType: 'DEAL_TO_COMPANY', fromObjectId: 1, toObjectId: 2 },
    ]).touched,
  ).toEqual([
    { object: 'deals', externalId: '1', byProgram: false },
    { object: 'companies', externalId: '2', byProgram: false },
  ])
  expect(
    touchedBy([
      { subscriptionType: 'company.merge', objectId: 5, primaryObjectId: 3, mergedObjectIds: [4], newObjectId: 5 },
    ]).touched.map((t) => t.externalId),
  ).toEqual(['5', '3', '5', '4'])
})

test('what a program did is known as of a moment; what a person did to associations is always looked at', () => {
  const at = { occurredAt: 5_000, changeSource: 'INTEGRATION' }
  const link = { subscriptionType: 'deal.associationChange', associationType: 'DEAL_TO_COMPANY', fromObjectId: 1, toObjectId: 2 }
  expect(touchedBy([{ subscriptionType: 'deal.propertyChange', objectId: 1, ...at }]).touched).toEqual([
    { object: 'deals', externalId: '1', asOf: 5_000, byProgram: true },
  ])
  expect(touchedBy([{ ...link, ...at }]).touched[0]).toMatchObject({ asOf: 4_000, byProgram: true })
  expect(touchedBy([{ ...link, ...at, changeSource: 'CRM_UI' }]).touched[0]!.asOf).toBeUndefined()
  expect(touchedBy([{ subscriptionType: 'deal.deletion', objectId: 1, ...at }]).touched[0]!.asOf).toBeUndefined()
})

describe('a delivery', () => {
  let h: Harness
  beforeEach(async () => {
    h = await Harness.start()
  })
  afterEach(() => h.stop())
  afterAll(closeDatabase)

  test('is in the inbox before it is answered, nudges the lane, and a delete in HubSpot is followed', async () => {
    const account = await h.createAccount({ Name: 'Fern Health', Website: 'fern.example.com' })
    await h.sync()
    const company = (await h.twinOf(account, 'hubspot'))!
    const nudged: string[] = []
    const rt = h.engine.runtimes[1]!
    const app = webhookApp({
      db: h.engine.db,
      workspace: h.engine.workspace,
      publicUrl: () => 'http://hooks.test',
      nudge: (id) => nudged.push(id),
      queueMatchCheck: () => {},
      hubspot: () => [{ id: rt.id, portal: rt.account.id, clientSecret: 'secret', objects: rt.objects }],
    })
    await h.hs('DELETE', `/crm/v3/objects/companies/${company}`)
    const body = JSON.stringify([{ subscriptionType: 'company.deletion', objectId: Number(company) }])
    const timestamp = String(Date.now())
    const signature = signV3('secret', 'POST', 'http://hooks.test/hubspot', body, timestamp)
    const send = (s: string) =>
      app.request('/hubspot', {
        method: 'POST',
        body,
        headers: { 'x-hubspot-signature-v3': s, 'x-hubspot-request-timestamp': timestamp },
      })
    expect((await send('wrong')).status).toBe(401)
    expect(await h.query('select 1 from inbox')).toEqual([])
    expect((await send(signature)).status).toBe(200)
    expect((await send(signature)).status).toBe(200)
    expect(nudged).toEqual([rt.id, rt.id])
    expect(await h.query('select external_id as id from inbox')).toEqual([{ id: company }])
    await h.sync()
    expect((await h.sf('GET', `/sobjects/Account/${account}`)).status).toBe(404)
  })
})
