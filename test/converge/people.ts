import type { Sandbox } from '../../sandbox/sandbox.ts'

/** The CRMs that people work in: in this process, where faults are between Concordat and them, or in another one. */
type Place = Pick<Sandbox, 'info'> & Partial<Pick<Sandbox, 'world'>>

import { type Answer, call } from '../support/crms.ts'
import type { Crm, EDITED, Kind } from './history.ts'

/** People who work in a CRM, through its public API and with their own token. */

export type Field = (typeof EDITED)[Kind][number]
/** What a row shows; null is blank. */
export type Shown = Partial<Record<Field, string | null>>

export interface Row {
  id: string
  values: Shown
  /** What tells it apart from all others: a domain, an address, a name. */
  key: string
  /** The account it belongs to. */
  parent: string | null
  /** A field that no mapping names. */
  private: string | null
}

export interface NewRow {
  key: string
  parent?: string | undefined
  private: string
}

export interface People {
  rows(kind: Kind): Promise<Row[]>
  create(kind: Kind, row: NewRow): Promise<string | undefined>
  edit(kind: Kind, id: string, field: Field, value: string | null): Promise<boolean>
  remove(kind: Kind, id: string): Promise<boolean>
  restore(kind: Kind, id: string): Promise<boolean>
  /** Merges two accounts; answers the ids that are no more. */
  merge(winner: string, loser: string): Promise<boolean>
  move(kind: 'contact' | 'deal', id: string, from: string | null, to: string): Promise<boolean>
}

/** What new rows hold in a field of each kind: there is something to clear, and to overwrite. */
const START = 'start'

/** People are never hit by faults: those are between Concordat and the CRM. */
function spared({ world }: Place, send: (method: string, path: string, body?: unknown) => Promise<Answer>) {
  return async (method: string, path: string, body?: unknown): Promise<Answer> => {
    if (world) world.faults.paused++
    try {
      return await send(method, path, body)
    } finally {
      if (world) world.faults.paused--
    }
  }
}

const done = ({ status }: Answer): boolean => status < 300

const text = (v: unknown): string | null => (v === null || v === undefined || v === '' ? null : String(v))

// --- Salesforce -------------------------------------------------------------------------------------

const SF = {
  account: {
    object: 'Account',
    key: 'Website',
    private: 'Description',
    parent: undefined,
    fields: { city: 'BillingCity', phone: 'Phone', employees: 'NumberOfEmployees' },
  },
  contact: {
    object: 'Contact',
    key: 'Email',
    private: 'Description',
    parent: 'AccountId',
    fields: { jobTitle: 'Title', phone: 'Phone' },
  },
  deal: {
    object: 'Opportunity',
    key: 'Name',
    private: undefined,
    parent: 'AccountId',
    fields: { nextStep: 'NextStep', description: 'Description', amount: 'Amount' },
  },
} as const

export function salesforcePeople(sandbox: Place): People {
  const { instanceUrl, personToken } = sandbox.info.salesforce
  const send = spared(sandbox, (method, path, body) =>
    call(`${instanceUrl}/services/data/v60.0${path}`, method, personToken, body),
  )
  const soap = spared(sandbox, async (_method, name, body) => {
    const answer = await fetch(`${instanceUrl}/services/Soap/u/60.0`, {
      method: 'POST',
      headers: { 'content-type': 'text/xml', soapaction: '""' },
      body: `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:partner.soap.sforce.com" xmlns:s="urn:sobject.partner.soap.sforce.com"><e:Header><p:SessionHeader><p:sessionId>${personToken}</p:sessionId></p:SessionHeader></e:Header><e:Body><p:${name}>${body}</p:${name}></e:Body></e:Envelope>`,
    })
    return { status: (await answer.text()).includes('<success>true</success>') ? 200 : 400, body: undefined }
  })
  return {
    async rows(kind) {
      const def = SF[kind]
      const columns = ['Id', def.key, def.private, def.parent, ...Object.values(def.fields)].filter((c) => c !== undefined)
      const answer = await send(
        'GET',
        `/query?q=${encodeURIComponent(`SELECT ${columns.join(', ')} FROM ${def.object} ORDER BY Id`)}`,
      )
      return answer.body.records.map(
        (r: Record<string, unknown>): Row => ({
          id: String(r.Id),
          key: domain(text(r[def.key]) ?? ''),
          private: def.private ? text(r[def.private]) : null,
          parent: def.parent ? text(r[def.parent]) : null,
          values: Object.fromEntries(Object.entries(def.fields).map(([name, column]) => [name, text(r[column])])),
        }),
      )
    },
    async create(kind, { key, parent, private: own }) {
      const body = {
        account: {
          Name: `Name ${key}`,
          Website: key,
          Description: own,
          BillingCity: START,
          BillingStreet: START,
          NumberOfEmployees: 5,
        },
        contact: {
          LastName: `Name ${key}`,
          Email: key,
          Description: own,
          AccountId: parent,
          Title: START,
          MobilePhone: '+14155550000',
        },
        deal: { Name: key, StageName: 'Prospecting', CloseDate: '2027-01-15', AccountId: parent, NextStep: START, Amount: 5 },
      }[kind]
      return (await send('POST', `/sobjects/${SF[kind].object}`, body)).body.id
    },
    edit: async (kind, id, field, value) =>
      done(
        await send('PATCH', `/sobjects/${SF[kind].object}/${id}`, {
          [(SF[kind].fields as Record<string, string>)[field]!]:
            value !== null && (field === 'employees' || field === 'amount') ? Number(value) : value,
        }),
      ),
    remove: async (kind, id) => done(await send('DELETE', `/sobjects/${SF[kind].object}/${id}`)),
    restore: async (_kind, id) => done(await soap('POST', 'undelete', `<p:ids>${id}</p:ids>`)),
    merge: async (winner, loser) =>
      done(
        await soap(
          'POST',
          'merge',
          `<p:request><p:masterRecord><s:type>Account</s:type><s:Id>${winner}</s:Id></p:masterRecord><p:recordToMergeIds>${loser}</p:recordToMergeIds></p:request>`,
        ),
      ),
    move: async (kind, id, _from, to) => done(await send('PATCH', `/sobjects/${SF[kind].object}/${id}`, { AccountId: to })),
  }
}

const domain = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/$/, '')

// --- HubSpot ----------------------------------------------------------------------------------------

const HS = {
  account: {
    type: 'companies',
    key: 'domain',
    private: 'description',
    primary: undefined,
    fields: { city: 'city', phone: 'phone', employees: 'numberofemployees' },
  },
  contact: { type: 'contacts', key: 'email', private: 'city', primary: 1, fields: { jobTitle: 'jobtitle', phone: 'phone' } },
  deal: {
    type: 'deals',
    key: 'dealname',
    private: undefined,
    primary: 5,
    fields: { nextStep: 'hs_next_step', description: 'description', amount: 'amount' },
  },
} as const

export function hubspotPeople(sandbox: Place): People {
  const { baseUrl, personToken } = sandbox.info.hubspot
  const send = spared(sandbox, (method, path, body) => call(`${baseUrl}${path}`, method, personToken, body))
  const primary = (kind: Kind) => [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: HS[kind].primary }]
  return {
    async rows(kind) {
      const def = HS[kind]
      const properties = [def.key, def.private, ...Object.values(def.fields)].filter((p) => p !== undefined)
      const answer = await send('GET', `/crm/v3/objects/${def.type}?limit=100&properties=${properties.join(',')}`)
      const found = answer.body.results as { id: string; properties: Record<string, string | null> }[]
      const parents = new Map<string, string>()
      if (def.primary !== undefined && found.length > 0) {
        const read = await send('POST', `/crm/v4/associations/${def.type}/companies/batch/read`, {
          inputs: found.map((f) => ({ id: f.id })),
        })
        for (const r of read.body.results ?? [])
          for (const to of r.to)
            if (to.associationTypes.some((t: { typeId: number }) => t.typeId === def.primary))
              parents.set(r.from.id, String(to.toObjectId))
      }
      return found.map(
        (r): Row => ({
          id: r.id,
          key: domain(text(r.properties[def.key]) ?? ''),
          private: def.private ? text(r.properties[def.private]) : null,
          parent: parents.get(r.id) ?? null,
          values: Object.fromEntries(Object.entries(def.fields).map(([name, property]) => [name, text(r.properties[property])])),
        }),
      )
    },
    async create(kind, { key, parent, private: own }) {
      const properties = {
        account: { name: `Name ${key}`, domain: key, description: own, city: START, numberofemployees: '5' },
        contact: { lastname: `Name ${key}`, email: key, city: own, jobtitle: START },
        deal: {
          dealname: key,
          dealstage: 'appointmentscheduled',
          pipeline: 'default',
          closedate: '2027-01-15',
          hs_next_step: START,
          amount: '5',
        },
      }[kind]
      const associations = parent && HS[kind].primary ? [{ to: { id: parent }, types: primary(kind) }] : []
      return (await send('POST', `/crm/v3/objects/${HS[kind].type}`, { properties, associations })).body.id
    },
    edit: async (kind, id, field, value) =>
      done(
        await send('PATCH', `/crm/v3/objects/${HS[kind].type}/${id}`, {
          properties: { [(HS[kind].fields as Record<string, string>)[field]!]: value ?? '' },
        }),
      ),
    remove: async (kind, id) => done(await send('DELETE', `/crm/v3/objects/${HS[kind].type}/${id}`)),
    restore: async (kind, id) =>
      done(await call(`${sandbox.info.controlUrl}/hubspot/restore`, 'POST', '', { type: HS[kind].type, id })),
    merge: async (winner, loser) =>
      done(await send('POST', '/crm/v3/objects/companies/merge', { primaryObjectId: winner, objectIdToMerge: loser })),
    async move(kind, id, from, to) {
      if (from) await send('DELETE', `/crm/v4/objects/${HS[kind].type}/${id}/associations/companies/${from}`)
      return done(await send('PUT', `/crm/v4/objects/${HS[kind].type}/${id}/associations/companies/${to}`, primary(kind)))
    },
  }
}

/** Columns that people edit, by field. */
export const columnsOf = (crm: Crm, kind: Kind): Partial<Record<Field, string>> =>
  crm === 'salesforce' ? SF[kind].fields : HS[kind].fields
