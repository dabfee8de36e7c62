import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { conformance, RULES, type Subject } from '../../connectors/conformance.ts'
import type { Connector, Wire } from '../../connectors/connector.ts'
import type { CrmError } from '../../connectors/errors.ts'
import { HubspotConnector } from '../../connectors/hubspot/hubspot.ts'
import { SalesforceConnector } from '../../connectors/salesforce/salesforce.ts'
import type { RawRow } from '../../mappings/schema.ts'
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts'

let sandbox: Sandbox
beforeEach(async () => {
  sandbox = await startSandbox({ limits: false })
})
afterEach(() => sandbox.stop())

let serial = 0
const PERSON = '0055g0000000002AAA'
const SOURCE = { type: 'CRM_UI', id: 'userId:1', userId: 1 } as const

/** A subject on the local Salesforce. `wrap` may break the connector, `cacheToken` its wire. */
async function salesforce(wrap: (c: Connector) => Connector = (c) => c, cacheToken = false): Promise<Subject> {
  const { world } = sandbox
  let grant = world.sessions.grant({ user: PERSON })
  const first = grant.accessToken
  const wire: Wire = {
    token: async () => (cacheToken ? first : grant.accessToken),
    call: (_, run) => run(),
    note: () => {},
  }
  const connector = new SalesforceConnector({ instanceUrl: sandbox.info.salesforce.instanceUrl, wire })
  await connector.describe('Account')
  return {
    connector: wrap(connector),
    object: 'Account',
    columns: ['Name', 'NumberOfEmployees'],
    externalId: 'Concordat_Id__c',
    create: async (n) =>
      Array.from({ length: n }, () =>
        world.org.create('Account', { Name: `Row ${++serial}`, NumberOfEmployees: serial }, PERSON),
      ),
    remove: async (id) => world.org.remove('Account', id, PERSON),
    wireRow: async (id) => world.org.row('Account', id)!.values as RawRow,
    fail: async (how, times) => world.faults.set([{ action: how === 'unavailable' ? 'server_error' : 'rate_limit', times }]),
    requests: () => world.org.calls.used,
    replaceToken: async () => {
      world.sessions.expireAll()
      grant = world.sessions.grant({ user: PERSON })
    },
  }
}

async function hubspot(): Promise<Subject> {
  const { world } = sandbox
  let token = 'one'
  world.tokens.addFixed(token, { type: 'INTEGRATION', id: '1' })
  const wire: Wire = { token: async () => token, call: (_, run) => run(), note: () => {} }
  const connector = new HubspotConnector({ baseUrl: sandbox.info.hubspot.baseUrl, wire })
  await connector.describe('companies')
  return {
    connector,
    object: 'companies',
    columns: ['name', 'numberofemployees'],
    externalId: 'concordat_id',
    create: async (n) =>
      Array.from(
        { length: n },
        () => world.portal.create('companies', { name: `Row ${++serial}`, numberofemployees: String(serial) }, SOURCE).id,
      ),
    remove: async (id) => world.portal.archive('companies', id, SOURCE),
    wireRow: async (id) => world.portal.resolve('companies', id)!.properties,
    fail: async (how, times) => world.faults.set([{ action: how === 'unavailable' ? 'server_error' : 'rate_limit', times }]),
    requests: () => world.limits.used,
    replaceToken: async () => {
      world.tokens.addRefresh('r', { type: 'INTEGRATION', id: '1' })
      token = world.tokens.refresh('r', world.clock.now())!
    },
  }
}

test('the Salesforce connector keeps every rule', async () => expect(await conformance(await salesforce())).toEqual([]))
test('the HubSpot connector keeps every rule', async () => expect(await conformance(await hubspot())).toEqual([]))

/** A connector with some of its capabilities replaced. */
const broken =
  (over: (c: Connector) => Partial<Connector>) =>
  (c: Connector): Connector =>
    new Proxy(c, {
      get: (target, key) => {
        const o = over(target) as Record<string | symbol, unknown>
        const v = key in o ? o[key] : Reflect.get(target, key, target)
        return typeof v === 'function' ? v.bind(target) : v
      },
    })

describe('the suite rejects a connector that', () => {
  test.each<[string, number, (c: Connector) => Connector]>([
    [
      'drops the last page',
      0,
      broken((c) => ({
        list: async (r) => {
          const p = await c.list(r)
          return p.after ? p : { ...p, snapshots: [] }
        },
      })),
    ],
    [
      'loses rows at equal timestamps',
      1,
      broken((c) => ({
        changes: async (r) =>
          (await c.changes(r)).map((p) => ({ ...p, snapshots: [...new Map(p.snapshots.map((s) => [s.version, s])).values()] })),
      })),
    ],
    [
      'reports success for a failed row',
      2,
      broken((c) => ({
        update: async (r) => (await c.update(r)).map((o, i) => (o.ok ? o : { ok: true as const, id: r.rows[i]!.id })),
      })),
    ],
    ['retries inside', 3, broken((c) => ({ list: (r) => c.list(r).catch(() => c.list(r)) }))],
    [
      'swallows 429',
      4,
      broken((c) => ({
        list: (r) =>
          c.list(r).catch((e: CrmError) => {
            if (e.class === 'quota_exhausted') return { snapshots: [], clock: 0 }
            throw e
          }),
      })),
    ],
    [
      'returns strings for numbers',
      5,
      broken((c) => ({
        readByIds: async (r) =>
          (await c.readByIds(r)).map((s) => ({
            ...s,
            row: Object.fromEntries(Object.entries(s.row).map(([k, v]) => [k, v === null ? null : String(v)])),
          })),
      })),
    ],
    [
      'treats archived as missing',
      6,
      broken((c) => ({ readByIds: async (r) => (await c.readByIds(r)).filter((s) => !s.deleted) })),
    ],
  ])('%s', async (_, rule, wrap) => {
    const found = await conformance(await salesforce(wrap))
    expect(found.map((f) => f.rule)).toContain(RULES[rule]!.name)
  })
  test('reuses a stale token', async () => {
    const found = await conformance(await salesforce((c) => c, true))
    expect(found.map((f) => f.rule)).toContain(RULES[7]!.name)
  })
})
