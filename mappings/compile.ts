import jsonata from 'jsonata'
import { type FieldMapping, fieldMapping, type MappingDocument } from './mapping.ts'
import { type Entity, fieldDef } from './model/model.ts'
import type { FieldType } from './model/types.ts'
import type { ObjectSchema } from './schema.ts'

/** One mapped field, ready for the lens. */
export interface CompiledField {
  name: string
  type: FieldType
  enumValues?: readonly string[] | undefined
  references: readonly Entity[]
  mapping: FieldMapping
  /** The CRM column that carries the value; associations are pseudo-columns (see `associationColumn`). */
  column: string
  /** A second column that gives the first its meaning: the currency, the pipeline. */
  companion?: string | undefined
  /** The column is text that holds the Concordat id of the record referred to. */
  holdsRecordId: boolean
  reads: boolean
  writes: boolean
  transformIn?: jsonata.Expression | undefined
  transformOut?: jsonata.Expression | undefined
}

/** A mapping document together with what `describe` said, ready for use. */
export interface CompiledMapping {
  entity: Entity
  object: string
  document: MappingDocument
  schema: ObjectSchema
  fields: CompiledField[]
  byName: Map<string, CompiledField>
  /** Every column that must be read: fields, companions, filters, the external id. */
  columns: string[]
  /** Mapped fields that the CRM does not have; they are absent, and each is a finding. */
  missing: { field: string; column: string; message: string }[]
}

/** The pseudo-column under which connectors read and write one association type of an object. */
export const associationColumn = (to: string, category: string, typeId: number) => `@${to}#${category}:${typeId}`
export const isAssociationColumn = (column: string) => column.startsWith('@')

/** Binds a mapping to an object's schema. Fields that the CRM lacks are left out and listed. */
export function compileMapping(document: MappingDocument, schema: ObjectSchema): CompiledMapping {
  const missing: CompiledMapping['missing'] = []
  const fields: CompiledField[] = []
  for (const [name, entry] of Object.entries(document.fields)) {
    const mapping = fieldMapping(entry)
    const column = resolveColumn(mapping, schema)
    if (typeof column !== 'string') {
      missing.push({ field: name, ...column.missing })
      continue
    }
    const def = fieldDef(document.entity, name)
    const type = def?.type ?? mapping.type!
    const fieldSchema = schema.fields[column]
    const writable = isAssociationColumn(column) || !fieldSchema || fieldSchema.updatable || fieldSchema.creatable
    const companion = mapping.by ?? (type === 'money' ? presentColumn(mapping.currencyField, schema) : undefined)
    fields.push({
      name,
      type,
      mapping,
      column,
      companion,
      enumValues: def?.values,
      holdsRecordId: mapping.fallback === column,
      references: (def?.to ?? mapping.to ?? []) as Entity[],
      reads: mapping.direction !== 'out' || column in schema.fields,
      writes: mapping.direction !== 'in' && document.write && writable && !def?.readOnly,
      transformIn: mapping.in ? jsonata(mapping.in) : undefined,
      transformOut: mapping.out ? jsonata(mapping.out) : undefined,
    })
  }
  const columns = new Set<string>()
  for (const f of fields) {
    columns.add(f.column)
    if (f.companion) columns.add(f.companion)
  }
  for (const condition of document.filter) if (presentColumn(condition.field, schema)) columns.add(condition.field)
  for (const column of [document.externalId, ...Object.values(document.otherIds)])
    if (column && presentColumn(column, schema)) columns.add(column)
  return {
    entity: document.entity,
    object: document.object,
    document,
    schema,
    fields,
    missing,
    byName: new Map(fields.map((f) => [f.name, f])),
    columns: [...columns],
  }
}

const presentColumn = (column: string | undefined, schema: ObjectSchema) => (column && schema.fields[column] ? column : undefined)

function resolveColumn(mapping: FieldMapping, schema: ObjectSchema): string | { missing: { column: string; message: string } } {
  if (mapping.association) {
    const { to, label, typeId } = mapping.association
    const type = schema.associations.find(
      (a) => a.to === to && (label === undefined ? a.typeId === typeId : a.label?.toLowerCase() === label.toLowerCase()),
    )
    if (type) return associationColumn(to, type.category, type.typeId)
    if (mapping.fallback && schema.fields[mapping.fallback]) return mapping.fallback
    const column = label ? `association "${label}" to ${to}` : `association ${typeId} to ${to}`
    return {
      missing: {
        column,
        message: `${schema.object} has no ${column}${mapping.fallback ? ` and no field ${mapping.fallback}` : ''}`,
      },
    }
  }
  const column = mapping.field!
  if (isAssociationColumn(column) || schema.fields[column]) return column
  return {
    missing: {
      column,
      message: `${schema.object} has no field ${column}, or it is not visible to the integration user`,
    },
  }
}
