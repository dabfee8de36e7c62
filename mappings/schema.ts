import type { Json } from './model/value.ts'

/**
 * What a CRM says about one of its objects, in the words both CRMs share. Connectors translate their
 * describe answers into this; mappings are checked against it.
 */
export interface ObjectSchema {
  object: string
  label: string
  fields: Record<string, FieldSchema>
  /** Association types from this object (HubSpot); Salesforce uses lookup fields instead. */
  associations: AssociationType[]
  /** Column value groups that narrow a picklist: HubSpot pipelines, Salesforce record types. */
  groups: ValueGroup[]
}

export interface FieldSchema {
  name: string
  label: string
  /** The CRM's own type name, e.g. `currency`, `datetime`, `enumeration`. */
  type: string
  readable: boolean
  creatable: boolean
  updatable: boolean
  /** Must be given on create. */
  required: boolean
  unique: boolean
  /** Longest text in characters, where limited. */
  length?: number
  /** Digits before and after the decimal point, where limited. */
  precision?: number
  scale?: number
  options?: { value: string; label: string; active: boolean }[]
  /** Values outside `options` are refused. */
  restricted?: boolean
  /** Objects a lookup may point to. */
  references?: string[]
}

export interface AssociationType {
  to: string
  category: 'HUBSPOT_DEFINED' | 'USER_DEFINED' | 'INTEGRATOR_DEFINED'
  typeId: number
  label: string | null
}

export interface ValueGroup {
  /** The column that selects the group (`pipeline`, `RecordTypeId`). */
  column: string
  value: string
  label: string
  /** The column whose values it narrows (`dealstage`, `StageName`). */
  narrows: string
  options: { value: string; label: string }[]
}

/** A row as the CRM sent it: column -> wire value. A missing column could not be read. */
export type RawRow = Record<string, Json>
