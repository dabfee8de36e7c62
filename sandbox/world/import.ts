import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse'
import { HubspotError } from '../hubspot/errors.ts'
import type { Source } from '../hubspot/model.ts'
import type { Portal } from '../hubspot/portal.ts'
import { property } from '../hubspot/schema.ts'
import { SalesforceError } from '../salesforce/errors.ts'
import { normaliseId } from '../salesforce/ids.ts'
import { type Org, PERSON } from '../salesforce/org.ts'

/**
 * Fills the two local CRMs from CSV exports: `salesforce/<Object>.csv` and `hubspot/<type>.csv`. Headers
 * are API names or labels, ids are kept, unknown columns become custom fields. What a CRM would refuse is
 * reported with its file and line, and the rest of the row is kept.
 */
export interface ImportReport {
  rows: Record<string, number>
  problems: string[]
}

const IMPORTER: Source = { type: 'CRM_UI', id: 'userId:1', userId: 1 }
/** Objects that others point at come first. */
const SALESFORCE_ORDER = [
  'User',
  'Account',
  'Contact',
  'Product2',
  'Opportunity',
  'OpportunityLineItem',
  'OpportunityContactRole',
  'Lead',
]
const HUBSPOT_ORDER = ['owners', 'companies', 'contacts', 'line_items', 'deals']

export async function importFolder(folder: string, org: Org, portal: Portal): Promise<ImportReport> {
  const report: ImportReport = { rows: {}, problems: [] }
  const files = (crm: string, order: string[]) => {
    const path = join(folder, crm)
    if (!existsSync(path)) return []
    const rank = (f: string) => (order.indexOf(f.slice(0, -4)) + 100) % 100
    return readdirSync(path)
      .filter((f) => f.endsWith('.csv'))
      .sort((a, b) => rank(a) - rank(b))
      .map((f) => ({ name: f.slice(0, -4), path: join(path, f), label: `${crm}/${f}` }))
  }
  const [sf, hs] = [files('salesforce', SALESFORCE_ORDER), files('hubspot', HUBSPOT_ORDER)]
  if (sf.length + hs.length === 0)
    throw new Error(`${folder} holds no salesforce/*.csv and no hubspot/*.csv; put exports there, e.g. salesforce/Account.csv`)
  for (const file of sf) report.rows[file.label] = await importSalesforce(file, org, report)
  for (const file of hs) report.rows[file.label] = await importHubspot(file, portal, report)
  return report
}

interface File {
  name: string
  path: string
  label: string
}

async function* rowsOf(file: File): AsyncGenerator<{ row: Record<string, string>; line: number }> {
  const parser = createReadStream(file.path).pipe(
    parse({
      columns: (header: string[]) => header.map((h) => h.trim()),
      bom: true,
      relax_column_count: true,
      skip_empty_lines: true,
      info: true,
    }),
  )
  for await (const { record, info } of parser as AsyncIterable<{
    record: Record<string, string>
    info: { lines: number }
  }>)
    yield { row: record, line: info.lines }
}

/** A value that only the spelling of an id tells from text: ids of other systems are kept as custom text. */
const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '')

async function importSalesforce(file: File, org: Org, report: ImportReport): Promise<number> {
  const table = org.find(file.name)
  if (!table) {
    report.problems.push(`${file.label}: no object ${file.name}; name the file after a Salesforce object, e.g. Account.csv`)
    return 0
  }
  const byHeader = new Map(
    [...table.def.fields.values()].flatMap((f) => [
      [plain(f.label), f.name],
      [plain(f.name), f.name],
    ]),
  )
  let count = 0
  for await (const { row, line } of rowsOf(file)) {
    const fields: Record<string, unknown> = {}
    let id: string | undefined
    for (const [header, value] of Object.entries(row)) {
      if (value === '' || value === undefined) continue
      let name = byHeader.get(plain(header))
      if (!name) {
        name = `${header.replace(/\W+/g, '_')}__c`
        org.customise(table.def.name, table.def.prefix, `${name} string(255)`)
        byHeader.set(plain(header), name)
      }
      if (name === 'Id') id = normaliseId(value)
      else if (table.def.fields.get(name)?.createable) fields[name] = value
    }
    // One defect at a time is taken out and reported, until the row is accepted or nothing is left to take.
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        org.create(table.def.name, fields, PERSON, id)
        count++
        break
      } catch (error) {
        if (!(error instanceof SalesforceError)) throw error
        const culprit = error.fields?.find((f) => f in fields)
        report.problems.push(
          `${file.label} line ${line}: ${error.message}${culprit ? `; ${culprit} left blank` : '; row left out'}`,
        )
        if (!culprit) break
        delete fields[culprit]
      }
    }
  }
  return count
}

async function importHubspot(file: File, portal: Portal, report: ImportReport): Promise<number> {
  if (file.name === 'owners') return importOwners(file, portal)
  const table = portal.find(file.name)
  if (!table) {
    report.problems.push(`${file.label}: no object type ${file.name}; name the file after a HubSpot object, e.g. companies.csv`)
    return 0
  }
  const { def } = table
  const byHeader = new Map(
    [...def.properties.values()].flatMap((p) => [
      [plain(p.label), p.name],
      [plain(p.name), p.name],
    ]),
  )
  const links: { line: number; id: string; to: string; ids: string[] }[] = []
  let count = 0
  for await (const { row, line } of rowsOf(file)) {
    const properties: Record<string, unknown> = {}
    const associated: { to: string; ids: string[] }[] = []
    let id: string | undefined
    for (const [header, value] of Object.entries(row)) {
      if (value === '' || value === undefined) continue
      const association = /^associated ?(company|contact|deal) ?ids?/i.exec(header)
      if (association) {
        associated.push({
          to: ({ company: 'companies', contact: 'contacts', deal: 'deals' } as Record<string, string>)[
            association[1]!.toLowerCase()
          ]!,
          ids: value.split(';').map((x) => x.trim()),
        })
        continue
      }
      if (['recordid', 'hsobjectid', 'id'].includes(plain(header))) {
        id = value
        continue
      }
      let name = byHeader.get(plain(header))
      if (!name) {
        name = header.toLowerCase().replace(/\W+/g, '_')
        if (!def.properties.has(name)) portal.addProperty(def.name, property(`${name} string custom`))
        byHeader.set(plain(header), name)
      }
      const p = def.properties.get(name)!
      if (p.readOnly) continue
      // An export may hold options that this portal does not know yet.
      if (p.type === 'enumeration' && p.options.length > 0) {
        const option = p.options.find((o) => o.value === value || o.label.toLowerCase() === value.toLowerCase())
        if (!option)
          portal.addProperty(def.name, {
            ...p,
            options: [...p.options, { label: value, value, displayOrder: p.options.length, hidden: false }],
          })
        properties[name] = option?.value ?? value
      } else properties[name] = value
    }
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        const obj = portal.create(def.name, properties, IMPORTER, id)
        for (const a of associated) links.push({ line, id: obj.id, ...a })
        count++
        break
      } catch (error) {
        if (!(error instanceof HubspotError)) throw error
        const culprit = error.detail.errors?.flatMap((e) => e.context?.propertyName ?? []).find((p) => p in properties)
        report.problems.push(
          `${file.label} line ${line}: ${error.message.slice(0, 200)}${culprit ? `; ${culprit} left blank` : '; row left out'}`,
        )
        if (!culprit) break
        delete properties[culprit]
      }
    }
  }
  for (const { line, id, to, ids } of links) {
    const types = portal.associationTypes(def.name, to)
    const type = types.find((t) => t.label === 'Primary') ?? types.find((t) => t.label === null)
    for (const target of ids) {
      try {
        if (type) portal.associate(def.name, id, to, target, type.category, type.typeId, IMPORTER)
      } catch (error) {
        if (!(error instanceof HubspotError)) throw error
        report.problems.push(`${file.label} line ${line}: ${error.message}; not associated`)
      }
    }
  }
  return count
}

async function importOwners(file: File, portal: Portal): Promise<number> {
  let n = 0
  for await (const { row } of rowsOf(file)) {
    const of = (name: string) => Object.entries(row).find(([k]) => plain(k) === name)?.[1] ?? ''
    const id = of('id') || of('ownerid') || String(80_000_000 + n)
    portal.owners.set(id, {
      id,
      email: of('email'),
      firstName: of('firstname'),
      lastName: of('lastname'),
      userId: 6_000_000 + n,
      active: of('active').toLowerCase() !== 'false',
    })
    n++
  }
  return n
}
