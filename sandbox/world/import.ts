import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { HubspotError } from '../hubspot/errors.ts'
import type { Source } from '../hubspot/model.ts'
import type { Portal } from '../hubspot/portal.ts'
import { property, type TypeDef } from '../hubspot/schema.ts'
import { SalesforceError } from '../salesforce/errors.ts'
import { normaliseId } from '../salesforce/ids.ts'
import { PERSON } from '../salesforce/model.ts'
import type { Org } from '../salesforce/org.ts'
import type { FieldDef } from '../salesforce/schema.ts'
import { type File, ImportError, type ImportReport, known, rowsOf } from './csv.ts'
import { headings, plain } from './labels.ts'

/**
 * Fills the two local CRMs from CSV exports: `salesforce/<Object>.csv` and `hubspot/<type>.csv`. Headers
 * are API names or labels, ids are kept, unknown columns become custom fields. What a CRM would refuse is
 * reported with its file and line, and the rest of the row is kept.
 */
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
    throw new ImportError(
      `${folder} holds no salesforce/*.csv and no hubspot/*.csv; put exports there, e.g. salesforce/Account.csv`,
    )
  const pointers: Pointer[] = []
  for (const file of sf) report.rows[file.label] = await importSalesforce(file, org, report, pointers)
  setPointers(org, pointers, report)
  for (const file of hs) report.rows[file.label] = await importHubspot(file, portal, report)
  return report
}

/** Takes what a CRM refuses out of a row, one value at a time, until it is accepted or nothing is left to take. */
function createAround(
  fields: Record<string, unknown>,
  create: () => void,
  /** The field an error blames; undefined when it blames none of the row's. @throws what is no refusal. */
  blamed: (error: unknown) => { message: string; field: string | undefined },
  problem: (text: string) => void,
): boolean {
  for (;;) {
    try {
      create()
      return true
    } catch (error) {
      const { message, field } = blamed(error)
      problem(`${message}${field ? `; ${field} left blank` : '; row left out'}`)
      if (!field) return false
      delete fields[field]
    }
  }
}

/** A lookup of a row to one that may stand further down: it is set when all rows are there. */
interface Pointer {
  place: string
  object: string
  id: string
  field: string
  value: string
}

function setPointers(org: Org, pointers: Pointer[], report: ImportReport): void {
  for (const { place, object, id, field, value } of pointers) {
    try {
      org.update(object, id, { [field]: value }, PERSON)
    } catch (error) {
      if (!(error instanceof SalesforceError)) throw error
      report.problems.push(`${place}: ${error.message}: ${value}; ${field} left blank`)
    }
  }
}

async function importSalesforce(file: File, org: Org, report: ImportReport, pointers: Pointer[]): Promise<number> {
  const table = org.find(file.name)
  if (!table) {
    report.problems.push(`${file.label}: no object ${file.name}; name the file after a Salesforce object, e.g. Account.csv`)
    return 0
  }
  const byHeader = headings('salesforce', table.def.name, table.def.fields.values())
  let count = 0
  let looked = false
  for await (const { row, line } of rowsOf(file, report)) {
    if (!looked) known(file, Object.keys(row), (h) => byHeader.has(plain(h)), 'Id, Name')
    looked = true
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
    if (id !== undefined && table.rows.has(id)) {
      report.problems.push(`${file.label} line ${line}: the id ${id} stands in an earlier row; row left out`)
      continue
    }
    const later = Object.entries(fields).filter(([name]) => pointsAhead(org, table.def.fields.get(name)!, String(fields[name])))
    for (const [name] of later) delete fields[name]
    const made = createAround(
      fields,
      () => {
        const made = org.create(table.def.name, fields, PERSON, id)
        for (const [field, value] of later)
          pointers.push({ place: `${file.label} line ${line}`, object: table.def.name, id: made, field, value: String(value) })
      },
      (error) => {
        if (!(error instanceof SalesforceError)) throw error
        return { message: error.message, field: error.fields?.find((f) => f in fields) }
      },
      (text) => report.problems.push(`${file.label} line ${line}: ${text}`),
    )
    if (made) count++
  }
  return count
}

/** Whether a value is a lookup, which may be left out of a create, to a row that is not there yet. */
const pointsAhead = (org: Org, { type, referenceTo, nillable }: FieldDef, value: string): boolean =>
  type === 'reference' &&
  referenceTo.length > 0 &&
  nillable &&
  !referenceTo.some((o) => org.find(o)?.rows.has(normaliseId(value) ?? value))

async function importHubspot(file: File, portal: Portal, report: ImportReport): Promise<number> {
  if (file.name === 'owners') return importOwners(file, portal, report)
  const table = portal.find(file.name)
  if (!table) {
    report.problems.push(`${file.label}: no object type ${file.name}; name the file after a HubSpot object, e.g. companies.csv`)
    return 0
  }
  const { def } = table
  const byHeader = headings('hubspot', def.name, def.properties.values())
  const links: { line: number; id: string; to: string; ids: string[] }[] = []
  let count = 0
  let looked = false
  for await (const { row, line } of rowsOf(file, report)) {
    if (!looked) known(file, Object.keys(row), (h) => isId(h) || byHeader.has(plain(h)), 'Record ID, name')
    looked = true
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
      if (isId(header)) {
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
      // Exports spell stages and pipelines as people see them.
      const staged = stageOf(def, name, value)
      if (staged !== undefined) {
        properties[name] = staged
        continue
      }
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
    if (id !== undefined && table.objects.has(id)) {
      report.problems.push(`${file.label} line ${line}: the id ${id} stands in an earlier row; row left out`)
      continue
    }
    const made = createAround(
      properties,
      () => {
        const obj = portal.create(def.name, properties, IMPORTER, id)
        for (const a of associated) links.push({ line, id: obj.id, ...a })
      },
      (error) => {
        if (!(error instanceof HubspotError)) throw error
        const names = error.detail.errors?.flatMap((e) => e.context?.propertyName ?? []) ?? []
        return { message: error.message.slice(0, 200), field: names.find((n) => n in properties) }
      },
      (text) => report.problems.push(`${file.label} line ${line}: ${text}`),
    )
    if (made) count++
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

const isId = (header: string) => ['recordid', 'hsobjectid', 'id'].includes(plain(header))

/** The id of a stage or pipeline that is written as its label, such as `Closed Won (Sales Pipeline)`. */
function stageOf(def: TypeDef, property: string, value: string): string | undefined {
  if (!['dealstage', 'pipeline', 'hs_pipeline_stage', 'hs_pipeline'].includes(property)) return undefined
  const wanted = plain(value.replace(/\s*\([^)]*\)$/, ''))
  const choices = property.endsWith('stage') ? def.pipelines.flatMap((p) => p.stages) : def.pipelines
  return choices.find((c) => c.id === value || plain(c.label) === wanted)?.id
}

async function importOwners(file: File, portal: Portal, report: ImportReport): Promise<number> {
  let n = 0
  for await (const { row } of rowsOf(file, report)) {
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
