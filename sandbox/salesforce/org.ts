import { SalesforceError } from './errors.ts'
import { definitions, historyOf } from './history.ts'
import { makeId, normaliseId } from './ids.ts'
import { PERSON, type Row, type Table, type ValidationRule } from './model.ts'
import { reader, SYSTEM_FIELDS } from './reading.ts'
import { acceptAll, checkKept, checkReferences, checkRequired, checkRules, checkUnique, derive, withDefaults } from './saving.ts'
import type { ObjectDef } from './schema.ts'
import { Tables } from './tables.ts'
import { accept, type Wire } from './values.ts'

/** What Salesforce deletes along with a row: child object and its reference field. */
const CASCADES: Record<string, [object: string, field: string][]> = {
  Account: [
    ['Contact', 'AccountId'],
    ['Opportunity', 'AccountId'],
  ],
  Contact: [['OpportunityContactRole', 'ContactId']],
  Opportunity: [
    ['OpportunityContactRole', 'OpportunityId'],
    ['OpportunityLineItem', 'OpportunityId'],
  ],
}

/** The state of a local Salesforce org, and what can be done to its rows. */
export class Org extends Tables {
  readonly validationRules: ValidationRule[] = []
  /** Permission set -> `Object.Field` -> what it grants. */
  readonly fieldPermissions = new Map<string, Map<string, { readable: boolean; editable: boolean }>>()
  /** API calls used since the day began, against the allowance in `Sforce-Limit-Info`. */
  calls = { used: 0, limit: 100_000 }
  /** Bulk jobs that stay in progress: for pollers that wait. */
  slowJobs = false
  /** Most rows of one page of a query: a platform may answer with fewer than were asked for. */
  pageRows = 2_000
  /** Object -> fields whose changes are written to its history. */
  readonly trackedFields = new Map<string, Set<string>>()
  /** Rows that sharing hides from everybody but people. */
  readonly hiddenRows = new Set<string>()
  currency = 'USD'
  /** Stamps given to people's coming writes lie this much in the past: a transaction that commits late. */
  lateCommitMs = 0
  /** Whether a row of a batch is locked just now: a fault that the control API switches on. */
  locksRow: () => boolean = () => false

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
    this.put(table, this.#fresh(key, { ...withDefaults(this, table, known, PERSON), ...known }, PERSON))
  }

  /** @param id keeps the id of an imported row. */
  create(object: string, input: Record<string, unknown>, user: string, id?: string): string {
    const table = this.table(object)
    const { def } = table
    const given = acceptAll(def, input, 'createable')
    const values = withDefaults(this, table, given, user)
    checkRequired(table, values)
    checkReferences(this, def, given)
    checkUnique(table, values)
    this.#checkAssignment(def, values)
    checkRules(this.validationRules, def, values)
    const row = this.#fresh(id ?? makeId(def.prefix, table.nextId++), values, user)
    this.put(table, row)
    this.#afterSave(def, row, user)
    return row.id
  }

  update(object: string, id: string, input: Record<string, unknown>, user: string): void {
    const table = this.table(object)
    const { def } = table
    const row = this.#living(table, id)
    const given = acceptAll(def, input, 'updateable')
    checkKept(table, given)
    checkReferences(this, def, given)
    const values = { ...row.values, ...given }
    checkUnique(table, values, row.id)
    checkRules(this.validationRules, def, values)
    derive(this, def, values, given)
    this.#save(table, row, values, user)
    this.#afterSave(def, row, user)
  }

  /** Puts a row into the recycle bin, with the children that Salesforce deletes along. */
  remove(object: string, id: string, user: string): void {
    const table = this.table(object)
    const row = this.#living(table, id)
    this.unindex(table, row)
    row.deleted = true
    row.modified = row.stamp = this.#stamp(user)
    row.modifiedBy = user
    this.put(table, row)
    const cascade = CASCADES[object] ?? []
    for (const [child, field] of cascade)
      for (const c of this.childrenOf(child, field, id)) {
        this.remove(child, c.id, user)
        c.deletedWith = row.id
      }
    for (const t of this.tables.values())
      for (const f of t.def.fields.values())
        if (f.referenceTo.includes(object) && f.updateable && !cascade.some(([o, n]) => o === t.def.name && n === f.name))
          for (const c of this.childrenOf(t.def.name, f.name, id)) this.#touch(t, c, { [f.name]: null }, user)
  }

  undelete(object: string, id: string, user: string): void {
    const table = this.table(object)
    const row = table.rows.get(id)
    if (!row?.deleted || row.values.MasterRecordId)
      throw new SalesforceError('UNDELETE_FAILED', 'Entity is not in the recycle bin')
    row.deleted = false
    delete row.deletedWith
    row.modified = row.stamp = this.#stamp(user)
    row.modifiedBy = user
    this.put(table, row)
    // What went with it comes back with it.
    for (const [child] of CASCADES[object] ?? [])
      for (const c of this.table(child).rows.values()) if (c.deleted && c.deletedWith === row.id) this.undelete(child, c.id, user)
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
            for (const c of this.childrenOf(t.def.name, f.name, id))
              this.#touch(t, c, { [f.name]: c.id === master ? null : master }, user)
      this.unindex(table, loser)
      loser.deleted = true
      loser.values = { ...loser.values, MasterRecordId: master }
      loser.modified = loser.stamp = this.#stamp(user)
      loser.modifiedBy = user
      this.put(table, loser)
    }
    this.update(object, master, values, user)
  }

  /** Sets fields that only the system may set (conversion, merge). */
  system(object: string, id: string, values: Record<string, Wire>, user: string): void {
    const table = this.table(object)
    this.#touch(table, this.#living(table, id), values, user)
  }

  /** Rows touched at or after a stamp, each once, oldest first. Cheap when few are: the poller's question. */
  changedSince(object: string, stamp: number): Row[] {
    return this.table(object).touches.since(stamp)
  }

  /** Value of any field of a row, system fields included, as it goes over the wire. */
  value(def: ObjectDef, row: Row, field: string) {
    return reader(def, def.fields.get(field)!)(row)
  }

  #fresh(id: string, values: Record<string, Wire>, user: string): Row {
    const now = this.#stamp(user)
    return { id, created: now, createdBy: user, modified: now, modifiedBy: user, stamp: now, deleted: false, values }
  }

  #save(table: Table, row: Row, values: Record<string, Wire>, user: string): void {
    this.unindex(table, row)
    const before = row.values
    row.values = values
    row.modified = row.stamp = this.#stamp(user)
    row.modifiedBy = user
    this.put(table, row)
    const tracked = this.trackedFields.get(table.def.name)
    for (const { object, values } of tracked ? historyOf(table.def, row.id, before, row.values, tracked) : []) {
      const kept = this.table(object)
      this.put(kept, this.#fresh(makeId(kept.def.prefix, kept.nextId++), values, user))
    }
  }

  /** Brings the tables of EntityDefinition and FieldDefinition up to date, for who is about to read them. */
  refreshDefinitions(): void {
    const defs = [...this.tables.values()].map((t) => t.def)
    const { entities, fields } = definitions(defs, this.trackedFields, (id, values) => this.#fresh(id, values, PERSON))
    for (const [object, rows] of [
      ['EntityDefinition', entities],
      ['FieldDefinition', fields],
    ] as const) {
      this.addObject(this.table(object).def)
      for (const row of rows) this.index(this.table(object), row)
    }
  }

  /** A change by the system: no rule is asked. */
  #touch(table: Table, row: Row, values: Record<string, Wire>, user: string): void {
    this.#save(table, row, { ...row.values, ...values }, user)
  }

  #stamp(user: string): number {
    return Math.floor((this.clock.now() - (user === PERSON ? this.lateCommitMs : 0)) / 1000) * 1000
  }

  #living(table: Table, id: string): Row {
    const full = normaliseId(id)
    const row = full && table.rows.get(full)
    if (!row) throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
    if (row.deleted) throw new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted', { status: 404, fields: [] })
    return row
  }

  /** A person has a permission set once. */
  #checkAssignment(def: ObjectDef, values: Record<string, Wire>): void {
    if (def.name !== 'PermissionSetAssignment') return
    const { AssigneeId: who, PermissionSetId: what } = values
    if (this.childrenOf(def.name, 'AssigneeId', String(who)).some((a) => a.values.PermissionSetId === what))
      throw new SalesforceError(
        'DUPLICATE_VALUE',
        `Duplicate PermissionSetAssignment.  Assignee: ${String(who).slice(0, 15)}; Permission Set: ${String(what).slice(0, 15)}`,
        { fields: ['AssigneeId', 'PermissionSetId'] },
      )
  }

  #afterSave(def: ObjectDef, row: Row, user: string): void {
    if (def.name === 'OpportunityContactRole' && row.values.IsPrimary === true) {
      // Only one contact role of an opportunity is primary.
      for (const other of this.childrenOf('OpportunityContactRole', 'OpportunityId', String(row.values.OpportunityId)))
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
      this.put(table, reverse)
      row.values.ReversePartnerId = reverse.id
      this.put(table, row)
    }
  }
}
