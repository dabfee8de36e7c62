import { SalesforceError } from '../salesforce/errors.ts'
import { normaliseId } from '../salesforce/ids.ts'
import { PERSON } from '../salesforce/model.ts'
import type { Org } from '../salesforce/org.ts'
import type { FieldDef, ObjectDef } from '../salesforce/schema.ts'
import { type File, type ImportReport, known, rowsOf } from './csv.ts'
import { asWritten, createAround, noteOnce } from './import-rows.ts'
import { headings, plain } from './labels.ts'

/** Fills the local Salesforce from one export file. */

/** A lookup of a row to one that may stand further down: it is set when all rows are there. */
export interface Pointer {
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

export function setPointers(org: Org, pointers: Pointer[], report: ImportReport): void {
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

export async function importSalesforce(file: File, org: Org, report: ImportReport, pointers: Pointer[]): Promise<number> {
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

/** Headings under which reports name the row that a lookup points at: `Account Name`, `Parent Account`, `Opportunity Owner`. */
function referencesByName(def: ObjectDef): Map<string, string> {
  const found = new Map<string, string>()
  for (const f of def.fields.values()) {
    if (f.type !== 'reference' || !f.createable) continue
    const label = f.label.replace(/ ID$/i, '')
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
