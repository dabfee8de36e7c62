import type { Query } from '@jetstreamapp/soql-parser-js'
import { SalesforceError } from '../errors.ts'
import type { Row } from '../model.ts'
import type { Org } from '../org.ts'
import { reader } from '../reading.ts'
import type { ObjectDef } from '../schema.ts'
import { relation, wireReader } from './path.ts'
import { malformed, type Selected, type WhereNode } from './syntax.ts'
import { compileWhere } from './where.ts'

/** What a select list makes of a row: fields, parents, child rows. */

export type Rendered = { attributes: { type: string; url: string }; [field: string]: unknown }
type Projection = (row: Row) => Rendered
interface Column {
  name: string
  read: (row: Row) => unknown
}

/** @throws SalesforceError for fields and relationships that are not there. */
export function projection(org: Org, def: ObjectDef, select: Selected[], version: string): Projection {
  const columns: Column[] = []
  const parents = new Map<string, string[]>()
  for (const f of select) {
    if (f.type === 'Field') {
      const { read, field } = wireReader(org, def, f.field!)
      columns.push({ name: field.name, read })
    } else if (f.type === 'FieldRelationship') {
      const [head, ...tail] = f.relationships!
      parents.set(head!, [...(parents.get(head!) ?? []), [...tail, f.field!].join('.')])
    } else if (f.type === 'FieldFunctionExpression' && f.functionName === 'FIELDS') {
      const kind = String(f.parameters?.[0]).toUpperCase()
      for (const d of def.fields.values())
        if (kind === 'ALL' || (kind === 'CUSTOM') === d.name.endsWith('__c')) columns.push({ name: d.name, read: reader(def, d) })
    } else if (f.type === 'FieldSubquery') {
      columns.push(children(org, def, f.subquery as Query & { relationshipName: string }, version))
    } else throw malformed(`unexpected expression: ${f.type}`)
  }
  for (const [head, fields] of parents) columns.push(parent(org, def, head, fields, version))
  const url = `/services/data/v${version}/sobjects/${def.name}/`
  return (row) => {
    const record: Rendered = { attributes: { type: def.name, url: url + row.id } }
    for (const { name, read } of columns) record[name] = read(row)
    return record
  }
}

function parent(org: Org, def: ObjectDef, name: string, fields: string[], version: string): Column {
  const { field, parent, parentOf } = relation(org, def, name)
  const select = fields.map((path) => {
    const relationships = path.split('.')
    const last = relationships.pop()!
    return relationships.length > 0 ? { type: 'FieldRelationship', field: last, relationships } : { type: 'Field', field: last }
  })
  const render = projection(org, parent, select, version)
  return {
    name: field.relationshipName!,
    read: (row) => {
      const to = parentOf(row)
      return to ? render(to) : null
    },
  }
}

function children(org: Org, def: ObjectDef, sub: Query & { relationshipName: string }, version: string): Column {
  const relationship = [...def.children].find(([n]) => n.toLowerCase() === sub.relationshipName.toLowerCase())
  if (!relationship)
    throw new SalesforceError(
      'INVALID_TYPE',
      `\nERROR at Row:1:Column:8\nDidn't understand relationship '${sub.relationshipName}' in FROM part of query call.`,
    )
  const [name, { object, field }] = relationship
  const child = org.table(object).def
  const matches = compileWhere(org, child, sub.where as WhereNode | undefined)
  const render = projection(org, child, (sub.fields ?? []) as Selected[], version)
  const index = org.childIndex(child.name, field)
  return {
    name,
    read: (row) => {
      const records: Rendered[] = []
      for (const c of index.get(row.id) ?? []) if (matches(c)) records.push(render(c))
      return records.length === 0 ? null : { totalSize: records.length, done: true, records }
    },
  }
}
