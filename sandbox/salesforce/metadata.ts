import { XMLParser } from 'fast-xml-parser'
import { SalesforceError } from './errors.ts'
import type { Org } from './org.ts'
import type { Sessions } from './session.ts'
import { element, escapeXml, list } from './xml.ts'

/** The Metadata API's calls by which packages make their fields visible: custom fields and permission sets. */

const parser = new XMLParser({ removeNSPrefix: true, ignoreAttributes: false, attributeNamePrefix: '@', parseTagValue: false })

type Node = Record<string, unknown>

const envelope = (body: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="http://soap.sforce.com/2006/04/metadata" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`

/** Metadata types of fields, in the words of `schema.ts`. */
const FIELD_TYPES: Record<string, string> = {
  Text: 'string',
  TextArea: 'textarea(255)',
  LongTextArea: 'textarea(32000)',
  Checkbox: 'boolean',
  Number: 'double',
  Currency: 'currency',
  Percent: 'percent',
  Date: 'date',
  DateTime: 'datetime',
  Email: 'email(80)',
  Phone: 'phone(40)',
  Url: 'url(255)',
  Picklist: 'picklist',
  MultiselectPicklist: 'multipicklist',
}

/** Answers a request to `/services/Soap/m/...`. */
export function metadata(org: Org, sessions: Sessions, xml: string): { status: number; xml: string } {
  const { Envelope } = parser.parse(xml) as { Envelope?: { Header?: { SessionHeader?: Node }; Body?: Node } }
  const [call = '', input] = Object.entries(Envelope?.Body ?? {}).find(([name]) => !name.startsWith('@')) ?? []
  const session = sessions.find(String(Envelope?.Header?.SessionHeader?.sessionId ?? ''))
  if (!session)
    return { status: 500, xml: envelope('<soapenv:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode></soapenv:Fault>') }
  const request = (input ?? {}) as Node
  const calls: Record<string, () => string> = {
    upsertMetadata: () =>
      list(request.metadata)
        .map((m) => upsert(org, session.user, m as Node))
        .join(''),
    createMetadata: () =>
      list(request.metadata)
        .map((m) => upsert(org, session.user, m as Node))
        .join(''),
    deleteMetadata: () =>
      list(request.fullNames)
        .map((name) => remove(org, String(request.type), String(name)))
        .join(''),
    readMetadata: () =>
      `<result>${list(request.fullNames)
        .map((name) => read(org, String(request.type), String(name)))
        .join('')}</result>`,
  }
  const run = calls[call]
  if (!run)
    return {
      status: 500,
      xml: envelope(
        `<soapenv:Fault><faultcode>sf:INVALID_TYPE</faultcode><faultstring>${escapeXml(call)}</faultstring></soapenv:Fault>`,
      ),
    }
  return { status: 200, xml: envelope(`<${call}Response>${run()}</${call}Response>`) }
}

const result = (fullName: string, created: boolean | undefined, error?: SalesforceError) =>
  `<result>${created === undefined ? '' : element('created', created)}${error ? `<errors>${element('message', error.message)}${element('statusCode', error.code)}</errors>` : ''}${element('fullName', fullName)}${element('success', !error)}</result>`

function upsert(org: Org, user: string, m: Node): string {
  const fullName = String(m.fullName ?? '')
  try {
    const created = m['@type'] === 'CustomField' ? upsertField(org, m, fullName) : upsertPermissionSet(org, user, m, fullName)
    return result(fullName, created)
  } catch (error) {
    if (!(error instanceof SalesforceError)) throw error
    return result(fullName, false, error)
  }
}

function upsertField(org: Org, m: Node, fullName: string): boolean {
  const [object = '', field = ''] = fullName.split('.')
  const kind = String(m.type)
  const type = FIELD_TYPES[kind]
  if (!type) throw new SalesforceError('INVALID_TYPE', `unknown field type ${kind}`)
  if (kind === 'Checkbox' && m.required !== undefined)
    throw new SalesforceError('FIELD_INTEGRITY_EXCEPTION', `Can not specify 'required' for a CustomField of type ${kind}`)
  const { def } = org.table(object)
  const fresh = !def.fields.has(field)
  const flags = [m.required === 'true' && '!', m.externalId === 'true' && 'ext', m.unique === 'true' && 'uniq'].filter(Boolean)
  org.customise(def.name, def.prefix, [field, type, ...flags].join(' '))
  return fresh
}

function upsertPermissionSet(org: Org, user: string, m: Node, fullName: string): boolean {
  const values = {
    Name: fullName,
    Label: String(m.label ?? fullName),
    Description: m.description === undefined ? null : String(m.description).trim(),
  }
  const existing = permissionSet(org, fullName)
  const granted = org.fieldPermissions.get(fullName) ?? new Map<string, { editable: boolean; readable: boolean }>()
  for (const p of list(m.fieldPermissions) as Node[]) {
    const [object = '', field = ''] = String(p.field).split('.')
    if (!org.table(object).def.fields.has(field))
      throw new SalesforceError('INVALID_CROSS_REFERENCE_KEY', `no CustomField named ${String(p.field)} found`)
    granted.set(String(p.field), { editable: p.editable === 'true', readable: p.readable === 'true' })
  }
  org.fieldPermissions.set(fullName, granted)
  if (existing) org.system('PermissionSet', existing.id, values, user)
  else org.create('PermissionSet', values, user)
  return !existing
}

const permissionSet = (org: Org, name: string) =>
  [...org.table('PermissionSet').rows.values()].find((r) => !r.deleted && r.values.Name === name)

function remove(org: Org, type: string, fullName: string): string {
  const [object = '', field = ''] = fullName.split('.')
  if (type !== 'CustomField' || !org.find(object)?.def.fields.has(field))
    return result(fullName, undefined, new SalesforceError('INVALID_CROSS_REFERENCE_KEY', `no ${type} named ${fullName} found`))
  org.hide(object, [field])
  return result(fullName, undefined)
}

function read(org: Org, type: string, fullName: string): string {
  const row = type === 'PermissionSet' ? permissionSet(org, fullName) : undefined
  if (!row) return '<records xsi:nil="true"/>'
  const permissions = [...(org.fieldPermissions.get(fullName) ?? [])].map(
    ([field, p]) =>
      `<fieldPermissions>${element('editable', p.editable)}${element('field', field)}${element('readable', p.readable)}</fieldPermissions>`,
  )
  const description = row.values.Description ? element('description', row.values.Description) : ''
  return `<records xsi:type="PermissionSet">${element('fullName', fullName)}${description}${permissions.join('')}${element('hasActivationRequired', false)}${element('label', row.values.Label)}</records>`
}
