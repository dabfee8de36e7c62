import type { Clock } from '../clock.ts'
import { IdOrder } from '../id-order.ts'
import type { Journal } from '../journal.ts'
import { Timeline } from '../timeline.ts'
import { SalesforceError } from './errors.ts'
import { compareIds } from './ids.ts'
import type { OrgOptions, Row, Table } from './model.ts'
import { standardObjects } from './objects/standard.ts'
import { linkChildren } from './relationships.ts'
import { defineObject, type ObjectDef } from './schema.ts'

/** An org's objects and rows: where they are kept, indexed, found and restored. */
export class Tables {
  readonly clock: Clock
  readonly journal: Journal
  readonly id: string
  readonly tables = new Map<string, Table>()
  /** When an admin last changed objects or fields. */
  schemaChanged: number
  readonly #names = new Map<string, string>()
  readonly #prefixes = new Map<string, string>()

  constructor({ clock, journal, orgId = '00D5g000001AbCdEAE' }: OrgOptions) {
    this.clock = clock
    this.journal = journal
    this.id = orgId
    this.schemaChanged = clock.now()
    for (const def of standardObjects()) this.addObject(def)
    linkChildren(new Map([...this.tables].map(([name, t]) => [name, t.def])))
  }

  addObject(def: ObjectDef): void {
    const table: Table = {
      def,
      rows: new Map(),
      order: new IdOrder(compareIds),
      touches: new Timeline((row) => row.stamp, compareIds),
      nextId: 1,
      children: new Map(),
      unique: new Map(),
      required: [],
      defaults: {},
    }
    fieldsChanged(table)
    this.tables.set(def.name, table)
    this.#names.set(def.name.toLowerCase(), def.name)
    if (!this.#prefixes.has(def.prefix)) this.#prefixes.set(def.prefix, def.name)
  }

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
    }
    fieldsChanged(existing)
  }

  /** Takes fields from the API's sight, as field-level security does: neither described, nor answered, nor written. */
  hide(object: string, fields: string[]): void {
    const table = this.table(object)
    if (fields.length > 0) this.journal.append({ hidden: [table.def.name, fields] })
    for (const name of fields) {
      table.def.fields.delete(name)
      table.def.fieldNames.delete(name.toLowerCase())
    }
    fieldsChanged(table)
  }

  /** The table of an object; names ignore case. */
  find(object: string): Table | undefined {
    return this.tables.get(object) ?? this.tables.get(this.#names.get(object.toLowerCase()) ?? '')
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
    return this.#prefixes.get(id.slice(0, 3))
  }

  byUnique(object: string, field: string, value: string): Row | undefined {
    const table = this.table(object)
    const id = table.unique.get(field)?.get(value.toLowerCase())
    return id ? table.rows.get(id) : undefined
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
      this.unindex(table, existing)
      this.index(table, Object.assign(existing, entry.row))
    } else {
      this.index(table, entry.row)
      table.nextId++
    }
  }

  protected childrenOf(object: string, field: string, id: string): Row[] {
    return [...(this.childIndex(object, field).get(id) ?? [])]
  }

  protected put(table: Table, row: Row): void {
    this.index(table, row)
    this.journal.append({ o: table.def.name, row })
  }

  protected index(table: Table, row: Row): void {
    if (!table.rows.has(row.id)) {
      table.rows.set(row.id, row)
      table.order.add(row)
    }
    table.touches.note(row)
    if (row.deleted) return
    for (const [field, index] of table.unique) {
      const value = row.values[field]
      if (typeof value === 'string') index.set(value.toLowerCase(), row.id)
    }
    for (const [field, index] of table.children) addChild(index, field, row)
  }

  protected unindex(table: Table, row: Row): void {
    for (const [field, index] of table.unique) {
      const value = row.values[field]
      if (typeof value === 'string' && index.get(value.toLowerCase()) === row.id) index.delete(value.toLowerCase())
    }
    for (const [field, index] of table.children) index.get(String(row.values[field]))?.delete(row)
  }
}

/** Brings up to date what a table derives from its object's fields. */
function fieldsChanged(table: Table): void {
  const fields = [...table.def.fields.values()]
  for (const f of fields) if (f.unique && !table.unique.has(f.name)) table.unique.set(f.name, new Map())
  table.required = fields.filter((f) => f.required)
  table.defaults = Object.fromEntries(
    fields.filter((f) => f.defaultValue !== null && f.createable).map((f) => [f.name, f.defaultValue]),
  )
}

function addChild(index: Map<string, Set<Row>>, field: string, row: Row): void {
  const parent = row.values[field]
  if (typeof parent !== 'string') return
  const rows = index.get(parent)
  if (rows) rows.add(row)
  else index.set(parent, new Set([row]))
}
