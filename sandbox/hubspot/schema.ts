/** Properties, pipelines and association types of the sandbox's portal, from compact tables. */

export interface PropertyDef {
  /** An admin's rule: values that are refused. */
  forbidden?: RegExp | undefined
  name: string
  label: string
  type: 'string' | 'number' | 'date' | 'datetime' | 'bool' | 'enumeration' | 'phone_number'
  fieldType: string
  groupName: string
  options: { label: string; value: string; description?: string; displayOrder: number; hidden: boolean }[]
  hasUniqueValue: boolean
  calculated: boolean
  readOnly: boolean
  hubspotDefined: boolean
  description: string
  /** Set when a person or app made it (custom properties). */
  createdAt?: string
  updatedAt?: string
  multiple: boolean
}

export interface TypeDef {
  /** `companies`: the name in paths. */
  name: string
  singular: string
  /** `0-2`. */
  typeId: string
  properties: Map<string, PropertyDef>
  /** Property that mirrors `updatedAt`; contacts alone call it `lastmodifieddate`. */
  modified: 'lastmodifieddate' | 'hs_lastmodifieddate'
  pipelines: PipelineDef[]
  custom: boolean
  labels: { singular: string; plural: string }
  requiredProperties: string[]
  primaryDisplayProperty: string
  secondaryDisplayProperties: string[]
  searchableProperties: string[]
  createdAt: number
}

export interface PipelineDef {
  id: string
  label: string
  displayOrder: number
  stages: { id: string; label: string; displayOrder: number; metadata: Record<string, string> }[]
}

export interface AssociationDef {
  from: string
  to: string
  category: 'HUBSPOT_DEFINED' | 'USER_DEFINED'
  typeId: number
  inverseId: number
  label: string | null
  inverseLabel: string | null
  /** At most one of this type leaves a record (primary company, parent). */
  single?: 'from' | 'to'
  /** The unlabelled type that comes with it. */
  implies?: number
}

const titled = (name: string) =>
  name
    .replace(/^hs_/, '')
    .replaceAll('_', ' ')
    .replace(/^./, (c) => c.toUpperCase())

const FIELD_TYPES: Record<PropertyDef['type'], string> = {
  string: 'text',
  number: 'number',
  date: 'date',
  datetime: 'date',
  bool: 'booleancheckbox',
  enumeration: 'select',
  phone_number: 'phonenumber',
}

/** One property from `name type flags [a|b]`: `ro` read only, `calc`, `uniq`, `multi`, `area`, `custom`. */
export function property(line: string, group = 'information'): PropertyDef {
  const match = /^(\w+) (\w+)([^[]*)(?:\[(.*)\])?$/.exec(line.trim())
  if (!match) throw new Error(`bad property line: ${line}`)
  const [, name, type, flagText, values] = match as unknown as [string, string, PropertyDef['type'], string, string?]
  const flags = flagText.trim().split(' ')
  const fieldType = flags.includes('multi') ? 'checkbox' : flags.includes('area') ? 'textarea' : FIELD_TYPES[type]
  const options = type === 'bool' ? ['Yes=true', 'No=false'] : (values?.split('|') ?? [])
  return {
    name,
    type,
    fieldType,
    groupName: group,
    label: titled(name),
    description: '',
    options: options.map((o, i) => {
      const [label, value = label] = o.split('=') as [string, string?]
      return { label, value, displayOrder: i, hidden: false }
    }),
    hasUniqueValue: flags.includes('uniq'),
    calculated: flags.includes('calc'),
    readOnly: flags.includes('ro') || flags.includes('calc'),
    hubspotDefined: !flags.includes('custom'),
    multiple: flags.includes('multi'),
  }
}

const COMMON = `
  hs_object_id number ro
  hs_object_source string ro
  hs_object_source_id string ro
  hs_object_source_label string ro
  hs_created_by_user_id number ro
  hs_updated_by_user_id number ro
  hs_merged_object_ids string ro
  hubspot_owner_id enumeration
  hubspot_owner_assigneddate datetime ro
  hubspot_team_id enumeration
  concordat_id string uniq custom`

/** Makes an object type from property lines; what all types have comes by itself. */
export function defineType(
  name: string,
  singular: string,
  typeId: string,
  lines: string,
  options: Partial<TypeDef> = {},
): TypeDef {
  const modified = options.modified ?? 'hs_lastmodifieddate'
  const created = ['contacts', 'companies', 'deals', 'tickets'].includes(name) ? 'createdate' : 'hs_createdate'
  const all = `${COMMON}\n${created} datetime ro\n${modified} datetime ro\n${lines}`
  const group = `${singular}information`
  return {
    name,
    singular,
    typeId,
    modified,
    pipelines: [],
    custom: false,
    requiredProperties: [],
    primaryDisplayProperty: 'name',
    secondaryDisplayProperties: [],
    searchableProperties: [],
    createdAt: Date.parse('2020-02-29T03:30:17Z'),
    labels: { singular: titled(singular), plural: titled(name) },
    properties: new Map(
      all
        .split('\n')
        .map((l) => l.trim())
        .filter(Boolean)
        .map((l) => property(l, group))
        .map((p) => [p.name, p]),
    ),
    ...options,
  }
}
