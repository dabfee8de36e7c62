import type { Clock } from '../clock.ts'
import { IdOrder } from '../id-order.ts'
import type { Journal } from '../journal.ts'
import { Timeline } from '../timeline.ts'
import { ASSOCIATIONS, LABELS } from './association-defs.ts'
import { HubspotError } from './errors.ts'
import { compareIds } from './ids.ts'
import {
  entryOf,
  type HistoryEntry,
  type Links,
  type Obj,
  type Owner,
  type PortalEvent,
  type PortalOptions,
  type Source,
  type Table,
} from './model.ts'
import { reader } from './reading.ts'
import { type AssociationDef, type PropertyDef, property, type TypeDef } from './schema.ts'
import { standardTypes } from './standard-types.ts'

/** A portal's types and records: where they are kept, indexed, read and restored. */
export class Tables {
  readonly clock: Clock
  readonly journal: Journal
  readonly id: number
  readonly tables = new Map<string, Table>()
  readonly associations: AssociationDef[]
  readonly links = new Map<string, Links>()
  readonly owners = new Map<string, Owner>()
  readonly redirects = new Map<string, string>()
  timeZone: string
  currency: string
  /** Currencies of a multi-currency portal; a single one means `deal_currency_code` is not offered. */
  currencies: string[]
  /** The year whose API this is: answers of 2022 lack keys that came later (see render.ts). */
  year = 2026
  /** Scopes that the app was not granted. */
  readonly withheld = new Set<string>()
  searchLagMs = 0
  onEvent: (event: PortalEvent) => void = () => {}
  #nextId = 1
  readonly #names = new Map<string, string>()

  constructor({ clock, journal, portalId = 9_400_001, labels = true, timeZone = 'UTC', currency = 'USD' }: PortalOptions) {
    this.clock = clock
    this.journal = journal
    this.id = portalId
    this.timeZone = timeZone
    this.currency = currency
    this.currencies = [currency, 'EUR', 'GBP'].filter((c, i, all) => all.indexOf(c) === i)
    this.associations = labels ? [...ASSOCIATIONS, ...LABELS] : [...ASSOCIATIONS]
    for (const def of standardTypes()) this.addType(def)
  }

  addType(def: TypeDef): void {
    this.tables.set(def.name, {
      def,
      objects: new Map(),
      order: new IdOrder(compareIds),
      touches: new Timeline((obj) => obj.updated, compareIds),
      lagged: new Map(),
      unique: new Map(
        [...def.properties.values()]
          .filter((p) => p.hasUniqueValue || (def.name === 'contacts' && p.name === 'email'))
          .map((p) => [p.name, new Map()]),
      ),
    })
    for (const name of [def.name, def.singular, def.typeId, `p${this.id}_${def.name}`, `p_${def.name}`])
      this.#names.set(name.toLowerCase(), def.name)
  }

  addProperty(type: string, line: string | PropertyDef): PropertyDef {
    const table = this.table(type)
    const def = typeof line === 'string' ? property(line) : line
    table.def.properties.set(def.name, def)
    this.journal.append({ property: [table.def.name, def] })
    if (def.hasUniqueValue && !table.unique.has(def.name)) table.unique.set(def.name, new Map())
    return def
  }

  /** Deletes a custom type; its records must be gone already. */
  dropType(type: string): void {
    const { def, objects } = this.table(type)
    if (!def.custom) throw new HubspotError(400, 'VALIDATION_ERROR', `${def.name} is not a custom object type`)
    if ([...objects.values()].some((o) => !o.archived))
      throw new HubspotError(400, 'VALIDATION_ERROR', `Object type ${def.name} still has records`)
    this.tables.delete(def.name)
  }

  find(type: string): Table | undefined {
    return this.tables.get(this.#names.get(type.toLowerCase()) ?? '')
  }

  table(type: string): Table {
    const found = this.find(type)
    if (!found) throw new HubspotError(400, undefined, `Unable to infer object type from: ${type}`)
    return found
  }

  nextId(): string {
    return String(40_000_000_000 + this.#nextId++)
  }

  /** The record an id stands for now: merged ids lead to the record that took them over. */
  resolve(type: string, id: string): Obj | undefined {
    const table = this.table(type)
    let current = String(id)
    while (this.redirects.has(`${table.def.name}:${current}`)) current = this.redirects.get(`${table.def.name}:${current}`)!
    return table.objects.get(current)
  }

  /** @param archived looks among the archived records, which no index holds. */
  byUnique(type: string, property: string, value: string, archived = false): Obj | undefined {
    const table = this.table(type)
    const index = table.unique.get(property)
    if (!index) throw new HubspotError(400, 'VALIDATION_ERROR', `Property ${property} is not a unique property for ${type}`)
    if (archived)
      return [...table.objects.values()].find((o) => o.archived && o.properties[property]?.toLowerCase() === value.toLowerCase())
    const id = index.get(value.toLowerCase())
    return id ? table.objects.get(id) : undefined
  }

  /** A record as search sees it: while the index lags, its earlier state or nothing. */
  searchable(table: Table, obj: Obj): Obj | undefined {
    const lagged = table.lagged.get(obj.id)
    if (!lagged) return obj
    if (lagged.until > this.clock.now()) return lagged.before ?? undefined
    table.lagged.delete(obj.id)
    return obj
  }

  /** Records touched at or after an instant, each once, oldest touch first. */
  changedSince(type: string, at: number): Obj[] {
    return this.table(type).touches.since(at)
  }

  value(def: TypeDef, obj: Obj, name: string): string | null {
    return reader(this.year, def, name)(obj)
  }

  history(def: TypeDef, obj: Obj, name: string): HistoryEntry[] {
    const changes = obj.history[name]
    if (changes) return changes
    const value = this.value(def, obj, name)
    return value === null ? [] : [entryOf(value, obj.created, obj.source)]
  }

  /** Puts state back from the journal. */
  restore(entry: {
    t?: string
    obj?: Obj
    link?: [string, string, string[]]
    redirect?: [string, string]
    drop?: [string, string]
    property?: [string, PropertyDef]
  }): void {
    if (entry.property) this.addProperty(...entry.property)
    if (entry.t && entry.obj) {
      const table = this.tables.get(entry.t)
      if (!table) return
      const existing = table.objects.get(entry.obj.id)
      if (existing) {
        this.unindex(table, existing)
        this.index(table, Object.assign(existing, entry.obj))
      } else this.index(table, entry.obj)
      this.#nextId = Math.max(this.#nextId, Math.min(1e10, Number(entry.obj.id) - 40_000_000_000) + 1)
    }
    if (entry.link) {
      const [a, b, types] = entry.link
      const of: Links = this.links.get(a) ?? new Map()
      if (types.length > 0) of.set(b, types)
      else of.delete(b)
      this.links.set(a, of)
    }
    if (entry.redirect) this.redirects.set(...entry.redirect)
    if (entry.drop) {
      const table = this.tables.get(entry.drop[0])
      const old = table?.objects.get(entry.drop[1])
      if (table && old) this.take(table, old)
    }
  }

  protected put(table: Table, obj: Obj): void {
    this.index(table, obj)
    this.journal.append({ t: table.def.name, obj })
  }

  protected index(table: Table, obj: Obj): void {
    if (!table.objects.has(obj.id)) {
      table.objects.set(obj.id, obj)
      table.order.add(obj)
    }
    table.touches.note(obj)
    if (obj.archived) return
    for (const [name, index] of table.unique) {
      const value = obj.properties[name]
      if (value) index.set(value.toLowerCase(), obj.id)
    }
  }

  protected unindex(table: Table, obj: Obj): void {
    for (const [name, index] of table.unique) {
      const value = obj.properties[name]
      if (value && index.get(value.toLowerCase()) === obj.id) index.delete(value.toLowerCase())
    }
  }

  /** Takes a record out that a merge put into another. */
  protected take(table: Table, obj: Obj): void {
    this.unindex(table, obj)
    table.objects.delete(obj.id)
    table.order.remove(obj)
    table.touches.forget(obj)
  }

  protected lag(table: Table, id: string, before: Obj | null): void {
    if (this.searchLagMs <= 0 || table.lagged.has(id)) return
    table.lagged.set(id, {
      until: this.clock.now() + this.searchLagMs,
      before: before && structuredClone(before),
    })
  }

  protected set(table: Table, obj: Obj, name: string, value: string | null, at: number, source: Source): void {
    const earlier = obj.history[name] ?? this.history(table.def, obj, name)
    obj.history[name] = [entryOf(value, at, source), ...earlier].slice(0, table.def.name === 'contacts' ? 45 : 20)
    obj.properties[name] = value
  }
}
