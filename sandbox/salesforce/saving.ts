import { SalesforceError } from './errors.ts'
import type { Table, ValidationRule } from './model.ts'
import type { ObjectDef } from './schema.ts'
import { STAGES } from './stages.ts'
import type { Tables } from './tables.ts'
import { accept, type Wire } from './values.ts'

/** The rules of saving a row: which values are taken, what Salesforce fills in, what an admin's rules refuse. */

/** Values as they will be kept. @throws SalesforceError for unknown fields and those that may not be written. */
export function acceptAll(
  def: ObjectDef,
  input: Record<string, unknown>,
  right: 'createable' | 'updateable',
): Record<string, Wire> {
  const values: Record<string, Wire> = {}
  const refused: string[] = []
  for (const key in input) {
    if (key === 'attributes' || (right === 'updateable' && key.toLowerCase() === 'id')) continue
    const field = def.fields.get(key) ?? def.fields.get(def.fieldNames.get(key.toLowerCase()) ?? '')
    if (!field) throw new SalesforceError('INVALID_FIELD', `No such column '${key}' on sobject of type ${def.name}`)
    if (!field[right]) refused.push(field.name)
    else values[field.name] = accept(field, input[key])
  }
  if (refused.length > 0) {
    throw new SalesforceError(
      'INVALID_FIELD_FOR_INSERT_UPDATE',
      `Unable to create/update fields: ${refused.join(', ')}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.`,
      { fields: refused },
    )
  }
  return values
}

/** A new row's values: what was given, over what its fields begin with. */
export function withDefaults(org: Tables, table: Table, given: Record<string, Wire>, user: string): Record<string, Wire> {
  const values = { ...table.defaults, ...given }
  if (!values.OwnerId && table.def.fields.has('OwnerId')) values.OwnerId = user
  derive(org, table.def, values, given)
  return values
}

/** What Salesforce computes on save. */
export function derive(org: Tables, def: ObjectDef, values: Record<string, Wire>, given: Record<string, Wire>): void {
  if (def.name === 'Opportunity') deriveOpportunity(values, given)
  if (def.fields.has('LastName')) values.Name = [values.FirstName, values.LastName].filter(Boolean).join(' ') || null
  if (def.name === 'OpportunityLineItem') {
    const product = values.Product2Id ? org.row('Product2', String(values.Product2Id)) : undefined
    if (product) values.Name = product.values.Name ?? null
    if (typeof values.Quantity === 'number' && typeof values.UnitPrice === 'number')
      values.TotalPrice = values.Quantity * values.UnitPrice
  }
}

const OWN_STAGE = { probability: 0, closed: false, won: false, forecast: 'Pipeline' }

function deriveOpportunity(values: Record<string, Wire>, given: Record<string, Wire>): void {
  if (typeof values.StageName !== 'string') return
  const stage = STAGES[values.StageName] ?? OWN_STAGE
  if ('StageName' in given && !('Probability' in given)) values.Probability = stage.probability
  values.IsClosed = stage.closed
  values.IsWon = stage.won
  values.ForecastCategory = stage.forecast
  values.ForecastCategoryName = stage.forecast
  const { Amount: amount, Probability: probability, CloseDate: close } = values
  values.ExpectedRevenue = typeof amount === 'number' && typeof probability === 'number' ? (amount * probability) / 100 : null
  if (typeof close !== 'string') return
  const [year, month] = close.split('-').map(Number) as [number, number]
  values.FiscalYear = year
  values.FiscalQuarter = Math.ceil(month / 3)
  values.Fiscal = `${year} ${values.FiscalQuarter}`
}

/** @throws SalesforceError when a required field of a new row is empty. */
export function checkRequired(table: Table, values: Record<string, Wire>): void {
  const missing = table.required.filter((f) => f.createable && values[f.name] == null).map((f) => f.name)
  if (missing.length > 0)
    throw new SalesforceError('REQUIRED_FIELD_MISSING', `Required fields are missing: [${missing.join(', ')}]`, {
      fields: missing,
    })
}

/** @throws SalesforceError when an update empties a field that must not be. */
export function checkKept(table: Table, given: Record<string, Wire>): void {
  if (given.OwnerId === null)
    throw new SalesforceError('INVALID_CROSS_REFERENCE_KEY', 'Owner ID: owner cannot be blank', { fields: ['OwnerId'] })
  for (const { name } of table.required)
    if (given[name] === null)
      throw new SalesforceError('REQUIRED_FIELD_MISSING', `Required fields are missing: [${name}]`, { fields: [name] })
}

/** @throws SalesforceError for references to what is not there, is deleted, or may not own. */
export function checkReferences(org: Tables, def: ObjectDef, given: Record<string, Wire>): void {
  for (const name in given) {
    const f = def.fields.get(name)!
    const value = given[name]
    if (f.type !== 'reference' || value === null || f.referenceTo.length === 0) continue
    const target = org.objectOfId(String(value))
    const may = target && (f.referenceTo.includes(target) || (name === 'OwnerId' && target === 'Group'))
    const row = target && org.row(target, String(value), true)
    if (!may || !row || row.deleted)
      throw row
        ? new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted', { fields: [name] })
        : new SalesforceError('INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id', { fields: [] })
    if (name === 'OwnerId' && target === 'User' && row.values.IsActive === false)
      throw new SalesforceError(
        'INACTIVE_OWNER_OR_USER',
        `operation performed with inactive user [${value}] as owner of ${def.name.toLowerCase()}`,
      )
  }
}

/** @throws SalesforceError when another row has the value of an external id. */
export function checkUnique(table: Table, values: Record<string, Wire>, self?: string): void {
  for (const [field, index] of table.unique) {
    const value = values[field]
    if (typeof value !== 'string') continue
    const holder = index.get(value.toLowerCase())
    if (holder && holder !== self)
      throw new SalesforceError(
        'DUPLICATE_VALUE',
        `duplicate value found: ${field} duplicates value on record with id: ${holder.slice(0, 15)}`,
        { fields: [] },
      )
  }
}

/** @throws SalesforceError when an admin's validation rule refuses the values. */
export function checkRules(rules: ValidationRule[], def: ObjectDef, values: Record<string, Wire>): void {
  for (const rule of rules) {
    if (rule.object !== def.name) continue
    const value = values[rule.field] ?? null
    const hit = rule.over !== undefined ? typeof value === 'number' && value > rule.over : value === rule.equals
    if (hit) throw new SalesforceError('FIELD_CUSTOM_VALIDATION_EXCEPTION', rule.message, { fields: [rule.field] })
  }
}
