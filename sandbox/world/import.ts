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
import type { FieldDef, ObjectDef } from '../salesforce/schema.ts'
import { type File, ImportError, type ImportReport, known, rowsOf } from './csv.ts'
import { headings, plain } from './labels.ts'
import { dateOf, numberOf } from './written.ts'

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
  /** It names the row instead of giving its id. */
  byName?: boolean
}

/** The one living row of that name among the objects that a field may point at. */
function namedRow(org: Org, object: string, field: string, name: string): string | undefined {
  const wanted = name.trim().toLowerCase()
  const found = org
    .table(object)
    .def.fields.get(field)!
    .referenceTo.flatMap((to) => [...(org.find(to)?.rows.values() ?? [])])
    .filter((row) => !row.deleted && String(row.values.Name ?? '').toLowerCase() === wanted)
  return found.length === 1 ? found[0]!.id : undefined
}

function setPointers(org: Org, pointers: Pointer[], report: ImportReport): void {
  for (const { place, object, id, field, value, byName } of pointers) {
    const target = byName ? namedRow(org, object, field, value) : value
    if (target === undefined) {
      report.problems.push(`${place}: no single row is named ${value}; ${field} left blank`)
      continue
    }
    try {
      org.update(object, id, { [field]: target }, PERSON)
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
  const byName = referencesByName(table.def)
  const note = noteOnce(report, file)
  let count = 0
  let looked = false
  for await (const { row, line } of rowsOf(file, report)) {
    if (!looked) known(file, Object.keys(row), (h) => byHeader.has(plain(h)), 'Id, Name')
    looked = true
    const named: { field: string; value: string }[] = []
    const fields: Record<string, unknown> = {}
    let id: string | undefined
    for (const [header, value] of Object.entries(row)) {
      if (value === '' || value === undefined) continue
      let name = byHeader.get(plain(header))
      const pointer = name ? undefined : byName.get(plain(header))
      if (pointer) {
        named.push({ field: pointer, value })
        continue
      }
      if (!name) {
        note(`column "${header}" is not one of ${table.def.name}'s; kept as a custom field`)
        name = `${header.replace(/\W+/g, '_')}__c`
        org.customise(table.def.name, table.def.prefix, `${name} string(255)`)
        byHeader.set(plain(header), name)
      }
      if (name === 'Id') id = normaliseId(value)
      else if (table.def.fields.get(name)?.createable)
        fields[name] = asWritten(table.def.fields.get(name)!.type, value, header, note)
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
        const from = { place: `${file.label} line ${line}`, object: table.def.name, id: made }
        for (const [field, value] of later) pointers.push({ ...from, field, value: String(value) })
        for (const n of named) pointers.push({ ...from, ...n, byName: true })
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

/** Says something about a file once. */
function noteOnce(report: ImportReport, file: File): (text: string) => void {
  const said = new Set<string>()
  return (text) => {
    if (!said.has(text)) report.problems.push(`${file.label}: ${text}`)
    said.add(text)
  }
}

const NUMBERS = new Set(['int', 'double', 'currency', 'percent', 'number'])
const DAYS = new Set(['date', 'datetime'])

/** A value as the API takes it, from how reports and spreadsheets write it. */
function asWritten(type: string, value: string, header: string, note: (text: string) => void): string {
  if (NUMBERS.has(type)) return numberOf(value) ?? value
  const day = DAYS.has(type) ? dateOf(value) : undefined
  if (!day) return value
  if (day.ambiguous) note(`dates such as ${value} in "${header}" are read as month/day/year`)
  return type === 'datetime' ? `${day.iso}T00:00:00Z` : day.iso
}

/** Headings under which reports name the row that a lookup points at: `Account Name`, `Parent Account`, `Opportunity Owner`. */
function referencesByName(def: ObjectDef): Map<string, string> {
  const found = new Map<string, string>()
  for (const f of def.fields.values()) {
    if (f.type !== 'reference' || !f.createable) continue
    const label = f.label.replace(/ ID$/, '')
    const name = f.name.replace(/(Id|__c)$/, '')
    for (const heading of [
      label,
      `${label} Name`,
      name,
      `${name} ${f.referenceTo[0]}`,
      ...(f.name === 'OwnerId' ? [`${def.name} Owner`] : []),
    ])
      found.set(plain(heading), f.name)
  }
  return found
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
  const note = noteOnce(report, file)
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
      const association = /^(?:primary )?associated ?(company|contact|deal)(?:$| ?(?:ids?|names?|\(primary\)))/i.exec(header)
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
        note(`column "${header}" is not one of ${def.name}'s; kept as a custom property`)
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
      } else properties[name] = asWritten(p.type, value, header, note)
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
    for (const given of ids) {
      const target = objectNamed(portal, to, given)
      if (target === undefined) {
        report.problems.push(`${file.label} line ${line}: no single one of the ${to} is named ${given}; not associated`)
        continue
      }
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

/** The id of a record that is given by its id, or by a name that no other has. */
function objectNamed(portal: Portal, type: string, given: string): string | undefined {
  const { objects } = portal.table(type)
  if (objects.has(given) || /^\d+$/.test(given)) return given
  const wanted = given.toLowerCase()
  const found = [...objects.values()].filter(({ archived, properties: p }) => {
    const names = [p.name, p.dealname, p.email, `${p.firstname ?? ''} ${p.lastname ?? ''}`.trim()]
    return !archived && names.some((n) => n?.toLowerCase() === wanted)
  })
  return found.length === 1 ? found[0]!.id : undefined
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
