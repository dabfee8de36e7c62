/** Objects and fields of an org, from compact tables; describe.ts spells them out as Salesforce does. */

export interface FieldDef {
  name: string
  type:
    | 'id'
    | 'string'
    | 'textarea'
    | 'picklist'
    | 'multipicklist'
    | 'reference'
    | 'boolean'
    | 'currency'
    | 'double'
    | 'percent'
    | 'int'
    | 'date'
    | 'datetime'
    | 'email'
    | 'phone'
    | 'url'
    | 'address'
  label: string
  length: number
  precision: number
  scale: number
  required: boolean
  createable: boolean
  updateable: boolean
  nillable: boolean
  unique: boolean
  externalId: boolean
  restricted: boolean
  values: string[]
  referenceTo: string[]
  relationshipName: string | null
  defaultValue: string | number | boolean | null
  calculated: boolean
  nameField: boolean
}

export interface ObjectDef {
  name: string
  label: string
  labelPlural: string
  prefix: string
  custom: boolean
  fields: Map<string, FieldDef>
  /** Lower-case field name -> name: SOQL and REST ignore case. */
  fieldNames: Map<string, string>
  /** Child relationship name -> object and its reference field. */
  children: Map<string, { object: string; field: string }>
}

const NUMERIC = new Set(['currency', 'double', 'percent', 'int'])

/**
 * One field from a line: `Name type(size) flags`. Sizes: text length, or precision,scale. Flags: `!`
 * required, `ro` read only, `co` create only, `ext` external id, `uniq`, `strict` restricted picklist,
 * `calc`, `name` name field, `=x` default, `>Object:Relationship` reference, `[a|b]` values.
 */
function field(line: string): FieldDef {
  const match = /^(\w+) (\w+)(?:\(([\d,]+)\))?(?: \[([^\]]*)\])?(.*)$/.exec(line.trim())
  if (!match) throw new Error(`bad field line: ${line}`)
  const [, name, type, size = '', values = '', rest = ''] = match as unknown as [
    string,
    string,
    FieldDef['type'],
    string?,
    string?,
    string?,
  ]
  const flags = rest.trim().split(' ').filter(Boolean)
  const has = (flag: string) => flags.includes(flag)
  const reference = flags
    .find((f) => f.startsWith('>'))
    ?.slice(1)
    .split(':')
  const defaultText = flags
    .find((f) => f.startsWith('='))
    ?.slice(1)
    .replaceAll('_', ' ')
  const [first = 0, second = 0] = size.split(',').map(Number)
  const numeric = NUMERIC.has(type)
  const readOnly = has('ro') || has('calc')
  return {
    name,
    type,
    label: name
      .replace(/__c$/, '')
      .replaceAll('_', ' ')
      .replace(/([a-z])([A-Z])/g, '$1 $2'),
    length: numeric
      ? 0
      : first ||
        (
          {
            string: 255,
            picklist: 255,
            multipicklist: 4099,
            email: 80,
            phone: 40,
            url: 255,
            id: 18,
            reference: 18,
          } as Record<string, number>
        )[type] ||
        0,
    precision: numeric ? first || 18 : 0,
    scale: numeric ? second : 0,
    required: has('!'),
    createable: !readOnly,
    updateable: !readOnly && !has('co'),
    nillable: !has('!') && type !== 'boolean',
    unique: has('uniq') || has('ext'),
    externalId: has('ext'),
    restricted: has('strict'),
    values: values ? values.split('|') : [],
    referenceTo: reference?.[0]?.split(',') ?? [],
    relationshipName: reference?.[1] ?? null,
    defaultValue: type === 'boolean' ? defaultText === 'true' : (defaultText ?? null),
    calculated: has('calc'),
    nameField: has('name'),
  }
}

const SYSTEM = `
  Id id ro
  IsDeleted boolean ro
  CreatedDate datetime ro
  CreatedById reference ro >User:CreatedBy
  LastModifiedDate datetime ro
  LastModifiedById reference ro >User:LastModifiedBy
  SystemModstamp datetime ro`

/** Makes an object definition from field lines; system fields come by themselves. */
export function defineObject(
  name: string,
  prefix: string,
  lines: string,
  labels: [string, string] = [name, `${name}s`],
): ObjectDef {
  // Users are never deleted.
  const system = name === 'User' ? SYSTEM.replace('IsDeleted boolean ro', '') : SYSTEM
  const fields = new Map(
    `${system}\n${lines}`
      .split('\n')
      .map((l) => l.trim())
      .filter(Boolean)
      .map(field)
      .map((f) => [f.name, f]),
  )
  return {
    name,
    prefix,
    fields,
    label: labels[0],
    labelPlural: labels[1],
    custom: name.endsWith('__c'),
    fieldNames: new Map([...fields.keys()].map((n) => [n.toLowerCase(), n])),
    children: new Map(),
  }
}
