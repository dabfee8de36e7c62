import { HubspotError } from '../hubspot/errors.ts'
import type { Source } from '../hubspot/model.ts'
import type { Portal } from '../hubspot/portal.ts'
import { property, type TypeDef } from '../hubspot/schema.ts'
import { type File, type ImportReport, known, rowsOf } from './csv.ts'
import { asWritten, createAround, noteOnce } from './import-rows.ts'
import { headings, plain } from './labels.ts'

/** Fills the local HubSpot from one export file. */

const IMPORTER: Source = { type: 'CRM_UI', id: 'userId:1', userId: 1 }

export async function importHubspot(file: File, portal: Portal, report: ImportReport): Promise<number> {
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
