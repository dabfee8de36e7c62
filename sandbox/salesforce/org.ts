import type { Clock } from '../clock.ts'
import type { Journal } from '../journal.ts'
import { SalesforceError } from './errors.ts'
import { makeId, normaliseId } from './ids.ts'
import { defineObject, linkChildren, type ObjectDef, STAGES, standardObjects } from './schema.ts'
import { accept, type Wire, wireTime } from './values.ts'

/** A row as the org holds it. Times are whole seconds, in milliseconds since the epoch. */
export interface Row {
  id: string
  created: number
  createdBy: string
  modified: number
  modifiedBy: string
  /** SystemModstamp: at or after `modified`. */
  stamp: number
  deleted: boolean
  values: Record<string, Wire>
}

/** A rule of an admin that refuses a save: the org's validation rules. */
export interface ValidationRule {
  object: string
  field: string
  /** Refuse when the value equals this, */
  equals?: Wire
  /** or is above this number. */
  over?: number
  message: string
}

interface Table {
  def: ObjectDef
  rows: Map<string, Row>
  /** External id field -> value -> row ids. */
  unique: Map<string, Map<string, string>>
  /** Reference field -> row it points at -> living rows; built for a field when it is first asked for. */
  children: Map<string, Map<string, Set<Row>>>
  /** Every touch in commit order; a row stands again at each change (see `changedSince`). */
  touches: { stamp: number; row: Row }[]
  nextId: number
}

export interface OrgOptions {
  clock: Clock
  journal: Journal
  orgId?: string
}

/** The integration user of a connected app, and the person whose token outsiders play with. */
export const INTEGRATION_USER = makeId('005', 1)
export const PERSON = makeId('005', 2)

/** A compound address: read only, made of the row's own parts. */
export type Address = Record<string, Wire>

const ADDRESS_PARTS = [
  'City',
  'Country',
  'CountryCode',
  'GeocodeAccuracy',
  'Latitude',
  'Longitude',
  'PostalCode',
  'State',
  'StateCode',
  'Street',
]

/** The compound of a row's address parts; null when all are empty. Codes are there in orgs that have code fields. */
function address(def: ObjectDef, row: Row, kind: string): Address | null {
  const parts = ADDRESS_PARTS.filter((p) => def.fields.has(kind + p)).map((p) => [p, row.values[kind + p] ?? null] as const)
  if (parts.every(([, value]) => value === null)) return null
  return Object.fromEntries(parts.map(([p, value]) => [p.charAt(0).toLowerCase() + p.slice(1), value]))
}

const SYSTEM_FIELDS = new Set([
  'Id',
  'IsDeleted',
  'CreatedDate',
  'CreatedById',
  'LastModifiedDate',
  'LastModifiedById',
  'SystemModstamp',
])

/** The state of a local Salesforce org: objects, rows, and the rules of saving one. */
export class Org {
  readonly clock: Clock
  readonly journal: Journal
  readonly tables = new Map<string, Table>()
  readonly #names = new Map<string, string>()
  readonly id: string
  readonly validationRules: ValidationRule[] = []
  /** Permission set -> `Object.Field` -> what it grants. */
  readonly fieldPermissions = new Map<string, Map<string, { readable: boolean; editable: boolean }>>()
  /** API calls used since the day began, against the allowance in `Sforce-Limit-Info`. */
  calls = { used: 0, limit: 100_000 }
  /** Bulk jobs that stay in progress: for pollers that wait. */
  slowJobs = false
  currency = 'USD'
  /** Stamps given to coming writes lie this much in the past: a transaction that commits late. */
  lateCommitMs = 0

  constructor({ clock, journal, orgId = '00D5g000001AbCdEAE' }: OrgOptions) {
    this.clock = clock
    this.journal = journal
    this.id = orgId
    this.schemaChanged = clock.now()
    for (const def of standardObjects()) this.addObject(def)
    linkChildren(new Map([...this.tables].map(([name, t]) => [name, t.def])))
  }

  addObject(def: ObjectDef): void {
    this.tables.set(def.name, {
      def,
      rows: new Map(),
      touches: [],
      nextId: 1,
      children: new Map(),
      unique: new Map([...def.fields.values()].filter((f) => f.unique).map((f) => [f.name, new Map()])),
    })
    this.#names.set(def.name.toLowerCase(), def.name)
  }

  /** When an admin last changed objects or fields. */
  schemaChanged: number

  /** Adds a custom object or further fields to one, as an admin does. */
  customise(name: string, prefix: string, lines: string): void {
    const added = defineObject(name, prefix, lines)
    this.schemaChanged = this.clock.now()
    this.journal.append({ custom: [name, prefix, lines] })
    const existing = this.tables.get(name)
    if (!existing) {
      this.addObject(added)
      return
    }
    for (const f of added.fields.values()) {
      existing.def.fields.set(f.name, f)
      existing.def.fieldNames.set(f.name.toLowerCase(), f.name)
      if (f.unique && !existing.unique.has(f.name)) existing.unique.set(f.name, new Map())
    }
  }

  /** Takes fields from the API's sight, as field-level security does: neither described, nor answered, nor written. */
  hide(object: string, fields: string[]): void {
    const { def } = this.table(object)
    if (fields.length > 0) this.journal.append({ hidden: [def.name, fields] })
    for (const name of fields) {
      def.fields.delete(name)
      def.fieldNames.delete(name.toLowerCase())
    }
  }

  /** Puts a row there under a given id, read-only values included: what another org once held. One that is there stays. */
  seed(object: string, id: string, values: Record<string, Wire>): void {
    const table = this.table(object)
    const key = normaliseId(id)
    if (!key) throw new SalesforceError('MALFORMED_ID', `malformed id ${id}`)
    if (table.rows.has(key)) return
    const known: Record<string, Wire> = {}
    for (const [given, value] of Object.entries(values)) {
      const name = table.def.fieldNames.get(given.toLowerCase())
      const field = name && !SYSTEM_FIELDS.has(name) ? table.def.fields.get(name) : undefined
      // The field's type rules, so that a value of another type shows. Platform users have addresses that no person may have.
      if (field) known[field.name] = field.type === 'email' ? String(value) : accept(field, value)
    }
    const now = this.#stamp()
    const stamps = { created: now, createdBy: PERSON, modified: now, modifiedBy: PERSON, stamp: now, deleted: false }
    this.#put(table, { id: key, ...stamps, values: { ...this.#withDefaults(table.def, known, PERSON), ...known } })
  }

  /** The table of an object; names ignore case. */
  find(object: string): Table | undefined {
    return this.tables.get(this.#names.get(object.toLowerCase()) ?? '')
  }

  table(object: string): Table {
    const found = this.find(object)
    if (!found) throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
    return found
  }

  /** A row by id; deleted rows only when asked for. */
  row(object: string, id: string, withDeleted = false): Row | undefined {
    const row = this.tables.get(object)?.rows.get(id)
    return row && (withDeleted || !row.deleted) ? row : undefined
  }

  objectOfId(id: string): string | undefined {
    return [...this.tables.values()].find((t) => t.def.prefix === id.slice(0, 3))?.def.name
  }

  /** Value of any field of a row, system fields included, as it goes over the wire. */
  value(def: ObjectDef, row: Row, field: string): Wire | Address {
    switch (field) {
      case 'Id':
        return row.id
      case 'IsDeleted':
        return row.deleted
      case 'CreatedDate':
        return wireTime(row.created)
      case 'CreatedById':
        return row.createdBy
      case 'LastModifiedDate':
        return wireTime(row.modified)
      case 'LastModifiedById':
        return row.modifiedBy
      case 'SystemModstamp':
        return wireTime(row.stamp)
      default:
        if (def.fields.get(field)?.type === 'address') return address(def, row, field.replace(/Address$/, ''))
        return row.values[field] ?? (def.fields.get(field)?.type === 'boolean' ? false : null)
    }
  }

  /** @param id keeps the id of an imported row. */
  create(object: string, input: Record<string, unknown>, user: string, id?: string): string {
    const table = this.table(object)
    const { def } = table
    const given = this.#accept(def, input, 'createable')
    const values = this.#withDefaults(def, given, user)
    const missing = [...def.fields.values()]
      .filter((f) => f.required && f.createable && values[f.name] == null)
      .map((f) => f.name)
    if (missing.length > 0)
      throw new SalesforceError('REQUIRED_FIELD_MISSING', `Required fields are missing: [${missing.join(', ')}]`, {
        fields: missing,
      })
    this.#checkReferences(def, given)
    this.#checkUnique(table, values)
    this.#checkAssignment(def, values)
    this.#checkRules(def, values)
    const now = this.#stamp()
    const row: Row = {
      id: id ?? makeId(def.prefix, table.nextId++),
      created: now,
      createdBy: user,
      modified: now,
      modifiedBy: user,
      stamp: now,
      deleted: false,
      values,
    }
    this.#put(table, row)
    this.#afterSave(def, row, user)
    return row.id
  }

  update(object: string, id: string, input: Record<string, unknown>, user: string): void {
    const table = this.table(object)
    const { def } = table
    const row = this.#living(table, id)
    const given = this.#accept(def, input, 'updateable')
    if ('OwnerId' in given && given.OwnerId === null)
      throw new SalesforceError('INVALID_CROSS_REFERENCE_KEY', 'Owner ID: owner cannot be blank', { fields: ['OwnerId'] })
    for (const f of def.fields.values())
      if (f.required && f.name in given && given[f.name] === null)
        throw new SalesforceError('REQUIRED_FIELD_MISSING', `Required fields are missing: [${f.name}]`, {
          fields: [f.name],
        })
    this.#checkReferences(def, given)
    const values = { ...row.values, ...given }
    this.#checkUnique(table, values, row.id)
    this.#checkRules(def, values)
    this.#derive(def, values, given)
    this.#unindex(table, row)
    row.values = values
    row.modified = row.stamp = this.#stamp()
    row.modifiedBy = user
    this.#put(table, row)
    this.#afterSave(def, row, user)
  }

  /** Puts a row into the recycle bin, with the children that Salesforce deletes along. */
  remove(object: string, id: string, user: string): void {
    const table = this.table(object)
    const row = this.#living(table, id)
    this.#unindex(table, row)
    row.deleted = true
    row.modified = row.stamp = this.#stamp()
    row.modifiedBy = user
    this.#put(table, row)
    const cascade: Record<string, [string, string][]> = {
      Account: [
        ['Contact', 'AccountId'],
        ['Opportunity', 'AccountId'],
      ],
      Opportunity: [
        ['OpportunityContactRole', 'OpportunityId'],
        ['OpportunityLineItem', 'OpportunityId'],
      ],
    }
    for (const [child, field] of cascade[object] ?? [])
      for (const c of this.#childrenOf(child, field, id)) this.remove(child, c.id, user)
    for (const t of this.tables.values())
      for (const f of t.def.fields.values())
        if (
          f.referenceTo.includes(object) &&
          f.updateable &&
          !cascade[object]?.some(([o, n]) => o === t.def.name && n === f.name)
        )
          for (const c of this.#childrenOf(t.def.name, f.name, id)) this.#touch(t, c, { [f.name]: null }, user)
  }

  undelete(object: string, id: string, user: string): void {
    const table = this.table(object)
    const row = table.rows.get(id)
    if (!row?.deleted || row.values.MasterRecordId)
      throw new SalesforceError('UNDELETE_FAILED', 'Entity is not in the recycle bin')
    row.deleted = false
    row.modified = row.stamp = this.#stamp()
    row.modifiedBy = user
    this.#put(table, row)
  }

  /** Merges losers into a master: children move, losers are deleted and point at the winner. */
  merge(object: string, master: string, values: Record<string, unknown>, losers: string[], user: string): void {
    const table = this.table(object)
    this.#living(table, master)
    for (const id of losers) {
      const loser = this.#living(table, id)
      for (const t of this.tables.values())
        for (const f of t.def.fields.values())
          if (f.referenceTo.includes(object) && f.name !== 'MasterRecordId')
            for (const c of this.#childrenOf(t.def.name, f.name, id))
              this.#touch(t, c, { [f.name]: c.id === master ? null : master }, user)
      this.#unindex(table, loser)
      loser.deleted = true
      loser.values = { ...loser.values, MasterRecordId: master }
      loser.modified = loser.stamp = this.#stamp()
      loser.modifiedBy = user
      this.#put(table, loser)
    }
    this.update(object, master, values, user)
  }

  /** Sets fields that only the system may set (conversion, merge). */
  system(object: string, id: string, values: Record<string, Wire>, user: string): void {
    const table = this.table(object)
    this.#touch(table, this.#living(table, id), values, user)
  }

  /** Rows touched at or after a stamp, each once. Cheap when few are: the poller's question. */
  changedSince(object: string, stamp: number): Row[] {
    const { touches } = this.table(object)
    const found = new Set<Row>()
    // Late commits carry an older stamp, so look a little further back than the first older touch.
    let older = 0
    for (let i = touches.length - 1; i >= 0 && older < 5_000; i--) {
      const { row } = touches[i]!
      if (touches[i]!.stamp < stamp) older++
      else if (row.stamp >= stamp) found.add(row)
    }
    return [...found]
  }

  byUnique(object: string, field: string, value: string): Row | undefined {
    const table = this.table(object)
    const id = table.unique.get(field)?.get(value.toLowerCase())
    return id ? table.rows.get(id) : undefined
  }

  /** Puts rows back from the journal. */
  restore(entry: { o: string; row: Row } | { custom: [string, string, string] } | { hidden: [string, string[]] }): void {
    if ('hidden' in entry) {
      this.hide(...entry.hidden)
      return
    }
    if ('custom' in entry) {
      this.customise(...entry.custom)
      return
    }
    const table = this.tables.get(entry.o)
    if (!table) return
    const existing = table.rows.get(entry.row.id)
    if (existing) {
      this.#unindex(table, existing)
      Object.assign(existing, entry.row)
      this.#index(table, existing)
    } else {
      this.#index(table, entry.row)
      table.nextId++
    }
  }

  #put(table: Table, row: Row): void {
    this.#index(table, row)
    this.journal.append({ o: table.def.name, row })
  }

  #index(table: Table, row: Row): void {
    table.rows.set(row.id, row)
    table.touches.push({ stamp: row.stamp, row })
    if (row.deleted) return
    for (const [field, index] of table.unique) {
      const value = row.values[field]
      if (typeof value === 'string') index.set(value.toLowerCase(), row.id)
    }
    for (const [field, index] of table.children) addChild(index, field, row)
  }

  #unindex(table: Table, row: Row): void {
    for (const [field, index] of table.unique) {
      const value = row.values[field]
      if (typeof value === 'string' && index.get(value.toLowerCase()) === row.id) index.delete(value.toLowerCase())
    }
    for (const [field, index] of table.children) index.get(String(row.values[field]))?.delete(row)
  }

  /** A change by the system: only SystemModstamp and the values move. */
  #touch(table: Table, row: Row, values: Record<string, Wire>, user: string): void {
    this.#unindex(table, row)
    row.values = { ...row.values, ...values }
    row.modified = row.stamp = this.#stamp()
    row.modifiedBy = user
    this.#put(table, row)
  }

  #stamp(): number {
    return Math.floor((this.clock.now() - this.lateCommitMs) / 1000) * 1000
  }

  #living(table: Table, id: string): Row {
    const full = normaliseId(id)
    const row = full && table.rows.get(full)
    if (!row) throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
    if (row.deleted) throw new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted', { status: 404, fields: [] })
    return row
  }

  #accept(def: ObjectDef, input: Record<string, unknown>, right: 'createable' | 'updateable'): Record<string, Wire> {
    const values: Record<string, Wire> = {}
    const refused: string[] = []
    for (const [key, value] of Object.entries(input)) {
      if (key === 'attributes' || (right === 'updateable' && key.toLowerCase() === 'id')) continue
      const name = def.fieldNames.get(key.toLowerCase())
      if (!name) throw new SalesforceError('INVALID_FIELD', `No such column '${key}' on sobject of type ${def.name}`)
      const field = def.fields.get(name)!
      if (!field[right]) refused.push(name)
      else values[name] = accept(field, value)
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

  #withDefaults(def: ObjectDef, given: Record<string, Wire>, user: string): Record<string, Wire> {
    const values: Record<string, Wire> = {}
    for (const f of def.fields.values()) if (f.defaultValue !== null && f.createable) values[f.name] = f.defaultValue
    Object.assign(values, given)
    if (def.fields.has('OwnerId') && !values.OwnerId) values.OwnerId = user
    this.#derive(def, values, given)
    return values
  }

  /** What Salesforce computes on save. */
  #derive(def: ObjectDef, values: Record<string, Wire>, given: Record<string, Wire>): void {
    if (def.name === 'Opportunity' && typeof values.StageName === 'string') {
      const stage = STAGES[values.StageName] ?? {
        probability: 0,
        closed: false,
        won: false,
        forecast: 'Pipeline',
      }
      if ('StageName' in given && !('Probability' in given)) values.Probability = stage.probability
      Object.assign(values, {
        IsClosed: stage.closed,
        IsWon: stage.won,
        ForecastCategory: stage.forecast,
        ForecastCategoryName: stage.forecast,
      })
      const [amount, probability] = [values.Amount, values.Probability]
      values.ExpectedRevenue = typeof amount === 'number' && typeof probability === 'number' ? (amount * probability) / 100 : null
      if (typeof values.CloseDate === 'string') {
        const [year, month] = values.CloseDate.split('-').map(Number) as [number, number]
        const quarter = Math.ceil(month / 3)
        Object.assign(values, { FiscalYear: year, FiscalQuarter: quarter, Fiscal: `${year} ${quarter}` })
      }
    }
    if (def.fields.has('LastName')) values.Name = [values.FirstName, values.LastName].filter(Boolean).join(' ') || null
    if (def.name === 'OpportunityLineItem') {
      const product = values.Product2Id ? this.row('Product2', String(values.Product2Id)) : undefined
      if (product) values.Name = product.values.Name ?? null
      if (typeof values.Quantity === 'number' && typeof values.UnitPrice === 'number')
        values.TotalPrice = values.Quantity * values.UnitPrice
    }
    for (const kind of ['Billing', 'Shipping', 'Mailing', 'Other'])
      if (def.fields.has(`${kind}Street`)) delete values[`${kind}Address`]
  }

  #checkReferences(def: ObjectDef, given: Record<string, Wire>): void {
    for (const [name, value] of Object.entries(given)) {
      const f = def.fields.get(name)!
      if (f.type !== 'reference' || value === null || f.referenceTo.length === 0) continue
      const target = this.objectOfId(String(value))
      const known =
        target && f.referenceTo.concat(name === 'OwnerId' ? ['Group'] : []).includes(target) && this.row(target, String(value))
      if (!known) {
        const deleted = target && this.row(target, String(value), true)
        throw deleted
          ? new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted', { fields: [name] })
          : new SalesforceError('INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id', { fields: [] })
      }
      if (name === 'OwnerId' && target === 'User' && this.row('User', String(value))?.values.IsActive === false)
        throw new SalesforceError(
          'INACTIVE_OWNER_OR_USER',
          `operation performed with inactive user [${value}] as owner of ${def.name.toLowerCase()}`,
        )
    }
  }

  #checkUnique(table: Table, values: Record<string, Wire>, self?: string): void {
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

  #checkRules(def: ObjectDef, values: Record<string, Wire>): void {
    for (const rule of this.validationRules) {
      if (rule.object !== def.name) continue
      const value = values[rule.field] ?? null
      const hit = rule.over !== undefined ? typeof value === 'number' && value > rule.over : value === rule.equals
      if (hit) throw new SalesforceError('FIELD_CUSTOM_VALIDATION_EXCEPTION', rule.message, { fields: [rule.field] })
    }
  }

  /** A person has a permission set once. */
  #checkAssignment(def: ObjectDef, values: Record<string, Wire>): void {
    if (def.name !== 'PermissionSetAssignment') return
    const { AssigneeId: who, PermissionSetId: what } = values
    if (this.#childrenOf(def.name, 'AssigneeId', String(who)).some((a) => a.values.PermissionSetId === what))
      throw new SalesforceError(
        'DUPLICATE_VALUE',
        `Duplicate PermissionSetAssignment.  Assignee: ${String(who).slice(0, 15)}; Permission Set: ${String(what).slice(0, 15)}`,
        { fields: ['AssigneeId', 'PermissionSetId'] },
      )
  }

  #afterSave(def: ObjectDef, row: Row, user: string): void {
    if (def.name === 'OpportunityContactRole' && row.values.IsPrimary === true) {
      // Only one contact role of an opportunity is primary.
      for (const other of this.#childrenOf('OpportunityContactRole', 'OpportunityId', String(row.values.OpportunityId)))
        if (other.id !== row.id && other.values.IsPrimary === true)
          this.#touch(this.table(def.name), other, { IsPrimary: false }, user)
    }
    if (def.name === 'Partner' && !row.values.ReversePartnerId && row.values.AccountFromId) {
      const role = [...this.table('PartnerRole').rows.values()].find((r) => r.values.MasterLabel === row.values.Role)
      const table = this.table('Partner')
      const reverse: Row = {
        ...row,
        id: makeId('00I', table.nextId++),
        values: {
          AccountFromId: row.values.AccountToId ?? null,
          AccountToId: row.values.AccountFromId,
          Role: role?.values.ReverseRole ?? null,
          OpportunityId: null,
          IsPrimary: false,
          ReversePartnerId: row.id,
        },
      }
      this.#put(table, reverse)
      row.values.ReversePartnerId = reverse.id
      this.#put(table, row)
    }
  }

  #childrenOf(object: string, field: string, id: string): Row[] {
    return [...(this.childIndex(object, field).get(id) ?? [])]
  }

  /** Living children by parent id, through an index that is kept from when it was first asked for. */
  childIndex(object: string, field: string): Map<string, Set<Row>> {
    const table = this.tables.get(object)!
    let index = table.children.get(field)
    if (!index) {
      index = new Map()
      for (const row of table.rows.values()) if (!row.deleted) addChild(index, field, row)
      table.children.set(field, index)
    }
    return index
  }
}

function addChild(index: Map<string, Set<Row>>, field: string, row: Row): void {
  const parent = row.values[field]
  if (typeof parent !== 'string') return
  const rows = index.get(parent)
  if (rows) rows.add(row)
  else index.set(parent, new Set([row]))
}
