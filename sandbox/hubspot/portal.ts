import type { Clock } from '../clock.ts'
import type { Journal } from '../journal.ts'
import { HubspotError } from './errors.ts'
import { ASSOCIATIONS, type AssociationDef, LABELS, type PropertyDef, property, standardTypes, type TypeDef } from './schema.ts'
import { accept, type Refusal, refusal } from './values.ts'

/** A record as the portal holds it. */
export interface Obj {
  id: string
  properties: Record<string, string | null>
  created: number
  updated: number
  archived: boolean
  archivedAt: number | null
  /** Ids that were merged into this one. */
  merged: string[]
  /** Earlier values, newest first, per property that changed after creation. */
  history: Record<string, HistoryEntry[]>
  source: Source
}

export interface HistoryEntry {
  value: string
  timestamp: string
  sourceType: string
  sourceId?: string
  sourceLabel?: string
  updatedByUserId?: number
}

/** Who writes: an app with its token, or a person in the portal. */
export interface Source {
  type: 'INTEGRATION' | 'CRM_UI' | 'AUTOMATION_PLATFORM' | 'MERGE_OBJECTS' | 'CALCULATED'
  id: string
  userId?: number
}

export interface Owner {
  id: string
  email: string
  firstName: string
  lastName: string
  userId: number
  active: boolean
}

/** Something that happened, for the webhooks. */
export interface PortalEvent {
  kind: 'creation' | 'deletion' | 'propertyChange' | 'merge' | 'associationChange' | 'restore'
  type: string
  id: string
  at: number
  source: Source
  property?: string
  value?: string | null
  merge?: { primary: string; merged: string[]; created: string; moved: number }
  association?: { toType: string; toId: string; removed: boolean; primary: boolean; typeId: number }
}

interface Links {
  /** `${category}:${typeId}` per associated record. */
  [toKey: string]: string[]
}

interface Table {
  def: TypeDef
  objects: Map<string, Obj>
  /** unique property -> value -> id */
  unique: Map<string, Map<string, string>>
  touches: { at: number; obj: Obj }[]
  /** State that search still shows while the index lags: id -> properties before, or null when new. */
  lagged: Map<string, { until: number; before: Obj | null }>
}

export interface PortalOptions {
  clock: Clock
  journal: Journal
  portalId?: number
  labels?: boolean
  timeZone?: string
  currency?: string
}

const entryOf = (value: string | null, at: number, source: Source): HistoryEntry => ({
  value: value ?? '',
  timestamp: new Date(at).toISOString(),
  sourceType: source.type,
  sourceId: source.type === 'CRM_UI' ? `userId:${source.userId}` : source.id,
  ...(source.userId !== undefined && { updatedByUserId: source.userId }),
})

/** The state of a local HubSpot portal: types, records, associations, and the rules of saving them. */
export class Portal {
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
      touches: [],
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

  byUnique(type: string, property: string, value: string): Obj | undefined {
    const table = this.table(type)
    const index = table.unique.get(property)
    if (!index) throw new HubspotError(400, 'VALIDATION_ERROR', `Property ${property} is not a unique property for ${type}`)
    const id = index.get(value.toLowerCase())
    return id ? table.objects.get(id) : undefined
  }

  /** @param givenId keeps the id of an imported record. */
  create(type: string, input: Record<string, unknown>, source: Source, givenId?: string): Obj {
    const table = this.table(type)
    const properties = this.#accept(table, input, {})
    this.#checkUnique(table, properties)
    const now = this.clock.now()
    const id = givenId ?? this.nextId()
    const obj: Obj = {
      id,
      properties,
      created: now,
      updated: now,
      archived: false,
      archivedAt: null,
      merged: [],
      history: {},
      source,
    }
    this.#defaults(table, obj)
    this.#lag(table, id, null)
    this.#put(table, obj)
    this.onEvent({ kind: 'creation', type: table.def.name, id, at: now, source })
    for (const [name, value] of Object.entries(input))
      if (value !== null && value !== '')
        this.onEvent({
          kind: 'propertyChange',
          type: table.def.name,
          id,
          at: now,
          source,
          property: name,
          value: properties[name] ?? null,
        })
    return obj
  }

  update(type: string, id: string, input: Record<string, unknown>, source: Source): Obj {
    const table = this.table(type)
    const obj = this.resolve(type, id)
    if (!obj || obj.archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
    const given = this.#accept(table, input, obj.properties)
    const changed = Object.entries(given).filter(([name, value]) => (obj.properties[name] ?? null) !== value)
    if (changed.length === 0) return obj
    this.#checkUnique(table, Object.fromEntries(changed), obj.id)
    this.#lag(table, obj.id, obj)
    this.#unindex(table, obj)
    const now = this.clock.now()
    for (const [name, value] of changed) this.#set(table, obj, name, value, now, source)
    obj.updated = now
    this.#derive(table, obj)
    this.#put(table, obj)
    for (const [name, value] of changed)
      this.onEvent({
        kind: 'propertyChange',
        type: table.def.name,
        id: obj.id,
        at: now,
        source,
        property: name,
        value,
      })
    return obj
  }

  /** Whether a write would be taken, without doing it. @throws HubspotError when not. */
  check(type: string, obj: Obj | undefined, input: Record<string, unknown>): void {
    const table = this.table(type)
    this.#checkUnique(table, this.#accept(table, input, obj?.properties ?? {}), obj?.id)
  }

  archive(type: string, id: string, source: Source): void {
    const table = this.table(type)
    const obj = this.resolve(type, id)
    if (!obj || obj.archived) return
    this.#unindex(table, obj)
    obj.archived = true
    obj.archivedAt = this.clock.now()
    this.#put(table, obj)
    // Archiving takes the record out of every association; the other side keeps its version.
    const key = `${table.def.name}:${obj.id}`
    for (const other of Object.keys(this.links.get(key) ?? {})) this.#unlink(key, other)
    this.onEvent({ kind: 'deletion', type: table.def.name, id: obj.id, at: obj.archivedAt, source })
  }

  /** What a person does in the portal's recycle view; there is no API for it. */
  restoreArchived(type: string, id: string, source: Source): void {
    const table = this.table(type)
    const obj = this.resolve(type, id)
    if (!obj?.archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
    obj.archived = false
    obj.archivedAt = null
    obj.updated = this.clock.now()
    this.#put(table, obj)
    this.onEvent({ kind: 'restore', type: table.def.name, id: obj.id, at: obj.updated, source })
  }

  /** Merges two records into a third: both old ids keep leading to it. */
  merge(type: string, primaryId: string, otherId: string, source: Source): Obj {
    const table = this.table(type)
    const [primary, other] = [this.resolve(type, primaryId), this.resolve(type, otherId)]
    if (!primary || !other || primary.archived || other.archived)
      throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
    if (primary === other) throw new HubspotError(400, 'VALIDATION_ERROR', 'Cannot merge an object with itself')
    const now = this.clock.now()
    const merged: Obj = {
      ...primary,
      id: this.nextId(),
      updated: now,
      merged: [...primary.merged, ...other.merged, primary.id, other.id],
      properties: {
        ...other.properties,
        ...Object.fromEntries(Object.entries(primary.properties).filter(([, v]) => v !== null)),
      },
      history: { ...primary.history },
    }
    const unique = [...table.unique.keys()]
    for (const name of unique) merged.properties[name] = primary.properties[name] ?? other.properties[name] ?? null
    let moved = 0
    for (const [name, value] of Object.entries(merged.properties)) {
      if (value === (primary.properties[name] ?? null)) continue
      moved++
      merged.history[name] = [entryOf(value, now, { type: 'MERGE_OBJECTS', id: 'MergeObjects' }), ...(merged.history[name] ?? [])]
    }
    merged.properties.hs_merged_object_ids = merged.merged.join(';')
    for (const old of [primary, other]) {
      this.#unindex(table, old)
      table.objects.delete(old.id)
      this.redirects.set(`${table.def.name}:${old.id}`, merged.id)
      this.journal.append({
        redirect: [`${table.def.name}:${old.id}`, merged.id],
        drop: [table.def.name, old.id],
      })
    }
    this.#lag(table, merged.id, null)
    this.#put(table, merged)
    for (const old of [primary, other]) {
      const key = `${table.def.name}:${old.id}`
      for (const [toKey, types] of Object.entries(this.links.get(key) ?? {})) {
        this.#unlink(key, toKey)
        if (toKey !== `${table.def.name}:${primary.id}` && toKey !== `${table.def.name}:${other.id}`)
          for (const t of types) this.#link(`${table.def.name}:${merged.id}`, toKey, t)
      }
    }
    this.onEvent({
      kind: 'merge',
      type: table.def.name,
      id: merged.id,
      at: now,
      source,
      merge: { primary: primary.id, merged: [other.id], created: merged.id, moved },
    })
    return merged
  }

  // --- associations ---------------------------------------------------------------------------------

  /** Types of association that leave one type for another, with their labels as seen from there. */
  associationTypes(from: string, to: string) {
    const [a, b] = [this.table(from).def.name, this.table(to).def.name]
    const found: {
      category: string
      typeId: number
      label: string | null
      def: AssociationDef
      forward: boolean
    }[] = []
    for (const def of this.associations) {
      if (def.from === a && def.to === b)
        found.push({ category: def.category, typeId: def.typeId, label: def.label, def, forward: true })
      if (def.to === a && def.from === b && def.inverseId !== def.typeId)
        found.push({
          category: def.category,
          typeId: def.inverseId,
          label: def.inverseLabel,
          def,
          forward: false,
        })
    }
    return found
  }

  associated(from: string, id: string, to: string): { id: string; types: string[] }[] {
    const [a, b] = [this.table(from).def.name, this.table(to).def.name]
    const of = this.links.get(`${a}:${id}`) ?? {}
    return Object.entries(of)
      .filter(([key]) => key.startsWith(`${b}:`))
      .map(([key, types]) => ({ id: key.slice(b.length + 1), types }))
  }

  associate(from: string, id: string, to: string, toId: string, category: string, typeId: number, source: Source): void {
    const a = this.#end(from, id)
    const b = this.#end(to, toId)
    const type = this.associationTypes(from, to).find((t) => t.category === category && t.typeId === Number(typeId))
    if (!type)
      throw new HubspotError(
        400,
        'VALIDATION_ERROR',
        `One or more associations are not valid: invalid association type ${typeId} from ${a.type} to ${b.type}`,
      )
    const { def, forward } = type
    const [owner, target] = forward ? [a, b] : [b, a]
    if (def.single === 'from') {
      for (const [key, types] of Object.entries(this.links.get(owner.key) ?? {}))
        if (key !== target.key && types.includes(`${def.category}:${def.typeId}`)) this.#removeType(owner.key, key, def, source)
    }
    const fresh = this.#link(owner.key, target.key, `${def.category}:${def.typeId}`)
    this.#link(target.key, owner.key, `${def.category}:${def.inverseId}`)
    if (def.implies) {
      const plain = this.associations.find((x) => x.typeId === def.implies)!
      this.#link(owner.key, target.key, `${plain.category}:${plain.typeId}`)
      this.#link(target.key, owner.key, `${plain.category}:${plain.inverseId}`)
    }
    if (fresh) this.#associationEvents(owner, target, def, false, source)
    if (def.label === 'Primary' && def.from === 'contacts') {
      const contact = this.table('contacts').objects.get(owner.id)
      if (contact) contact.properties.associatedcompanyid = target.id
    }
  }

  dissociate(
    from: string,
    id: string,
    to: string,
    toId: string,
    only: { category: string; typeId: number }[] | undefined,
    source: Source,
  ): void {
    const [a, b] = [`${this.table(from).def.name}:${id}`, `${this.table(to).def.name}:${toId}`]
    const present = this.links.get(a)?.[b] ?? []
    for (const key of present) {
      const [category, typeId] = key.split(':') as [string, string]
      if (only && !only.some((o) => o.category === category && o.typeId === Number(typeId))) continue
      const type = this.associationTypes(from, to).find((t) => t.category === category && t.typeId === Number(typeId))
      if (type) this.#removeType(type.forward ? a : b, type.forward ? b : a, type.def, source)
    }
  }

  #end(type: string, id: string) {
    const def = this.table(type).def
    const obj = this.resolve(type, id)
    if (!obj || obj.archived)
      throw new HubspotError(400, 'VALIDATION_ERROR', `One or more ${def.name} ids do not exist: [${id}]`, {
        context: { ids: [String(id)] },
      })
    return { type: def.name, id: obj.id, key: `${def.name}:${obj.id}` }
  }

  #link(a: string, b: string, type: string): boolean {
    const of = this.links.get(a) ?? {}
    const types = of[b] ?? []
    if (types.includes(type)) return false
    of[b] = [...types, type]
    this.links.set(a, of)
    this.journal.append({ link: [a, b, of[b]] })
    return true
  }

  #removeType(owner: string, target: string, def: AssociationDef, source: Source): void {
    for (const [x, y, type] of [
      [owner, target, `${def.category}:${def.typeId}`],
      [target, owner, `${def.category}:${def.inverseId}`],
    ] as const) {
      const of = this.links.get(x)
      if (!of?.[y]) continue
      of[y] = of[y].filter((t) => t !== type)
      this.journal.append({ link: [x, y, of[y]] })
      if (of[y].length === 0) delete of[y]
    }
    const [type, id] = owner.split(':') as [string, string]
    const [toType, toId] = target.split(':') as [string, string]
    this.#associationEvents({ type, id }, { type: toType, id: toId }, def, true, source)
  }

  #unlink(a: string, b: string): void {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const of = this.links.get(x)
      if (!of?.[y]) continue
      delete of[y]
      this.journal.append({ link: [x, y, []] })
    }
  }

  /** Both directions are told, as HubSpot does. */
  #associationEvents(
    owner: { type: string; id: string },
    target: { type: string; id: string },
    def: AssociationDef,
    removed: boolean,
    source: Source,
  ): void {
    const at = this.clock.now()
    const primary = def.label === 'Primary'
    this.onEvent({
      kind: 'associationChange',
      type: owner.type,
      id: owner.id,
      at,
      source,
      association: { toType: target.type, toId: target.id, removed, primary, typeId: def.typeId },
    })
    this.onEvent({
      kind: 'associationChange',
      type: target.type,
      id: target.id,
      at,
      source,
      association: { toType: owner.type, toId: owner.id, removed, primary, typeId: def.inverseId },
    })
  }

  // --- reading --------------------------------------------------------------------------------------

  /** A record as search sees it: while the index lags, its earlier state or nothing. */
  searchable(table: Table, obj: Obj): Obj | undefined {
    const lagged = table.lagged.get(obj.id)
    if (!lagged) return obj
    if (lagged.until > this.clock.now()) return lagged.before ?? undefined
    table.lagged.delete(obj.id)
    return obj
  }

  /** Records touched at or after an instant, each once, newest touch last. */
  changedSince(type: string, at: number): Obj[] {
    const { touches } = this.table(type)
    const found = new Set<Obj>()
    for (let i = touches.length - 1; i >= 0 && touches[i]!.at >= at; i--) found.add(touches[i]!.obj)
    return [...found]
  }

  value(def: TypeDef, obj: Obj, name: string): string | null {
    if (name === 'hs_object_id') return obj.id
    if (name === def.modified) return new Date(obj.updated).toISOString()
    if (name === 'createdate' || name === 'hs_createdate') return obj.properties[name] ?? new Date(obj.created).toISOString()
    if (name === 'hs_object_source') return obj.source.type
    if (name === 'hs_object_source_id') return obj.source.type === 'CRM_UI' ? `userId:${obj.source.userId}` : obj.source.id
    if (name === 'hs_object_source_label') return obj.source.type
    return obj.properties[name] ?? null
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
        this.#unindex(table, existing)
        this.#index(table, Object.assign(existing, entry.obj))
      } else this.#index(table, entry.obj)
      this.#nextId = Math.max(this.#nextId, Math.min(1e10, Number(entry.obj.id) - 40_000_000_000) + 1)
    }
    if (entry.link) {
      const [a, b, types] = entry.link
      const of = this.links.get(a) ?? {}
      if (types.length > 0) of[b] = types
      else delete of[b]
      this.links.set(a, of)
    }
    if (entry.redirect) this.redirects.set(...entry.redirect)
    if (entry.drop) {
      const table = this.tables.get(entry.drop[0])
      const old = table?.objects.get(entry.drop[1])
      if (table && old) this.#unindex(table, old)
      table?.objects.delete(entry.drop[1])
    }
  }

  #put(table: Table, obj: Obj): void {
    this.#index(table, obj)
    this.journal.append({ t: table.def.name, obj })
  }

  #index(table: Table, obj: Obj): void {
    table.objects.set(obj.id, obj)
    table.touches.push({ at: obj.updated, obj })
    if (obj.archived) return
    for (const [name, index] of table.unique) {
      const value = obj.properties[name]
      if (value) index.set(value.toLowerCase(), obj.id)
    }
  }

  #unindex(table: Table, obj: Obj): void {
    for (const [name, index] of table.unique) {
      const value = obj.properties[name]
      if (value && index.get(value.toLowerCase()) === obj.id) index.delete(value.toLowerCase())
    }
  }

  #lag(table: Table, id: string, before: Obj | null): void {
    if (this.searchLagMs <= 0 || table.lagged.has(id)) return
    table.lagged.set(id, {
      until: this.clock.now() + this.searchLagMs,
      before: before && structuredClone(before),
    })
  }

  #set(table: Table, obj: Obj, name: string, value: string | null, at: number, source: Source): void {
    const earlier = obj.history[name] ?? this.history(table.def, obj, name)
    obj.history[name] = [entryOf(value, at, source), ...earlier].slice(0, table.def.name === 'contacts' ? 45 : 20)
    obj.properties[name] = value
  }

  #accept(table: Table, input: Record<string, unknown>, previous: Record<string, string | null>): Record<string, string | null> {
    const values: Record<string, string | null> = {}
    const refusals: Refusal[] = []
    for (const [name, value] of Object.entries(input)) {
      const def = table.def.properties.get(name)
      if (!def) {
        refusals.push(refusal(name, 'PROPERTY_DOESNT_EXIST', `Property "${name}" does not exist`, this.id))
        continue
      }
      if (def.readOnly) {
        refusals.push(refusal(name, 'READ_ONLY_VALUE', `"${name}" is a read only property; its value cannot be set.`, this.id))
        continue
      }
      const result =
        this.#contextual(table, name, value, { ...previous, ...stringsOf(input) }) ??
        accept(def, value, previous[name] ?? null, this.id)
      if ('refusal' in result) refusals.push(result.refusal)
      else values[name] = result.value
    }
    if (refusals.length > 0) {
      const list = refusals.map(({ extra: _, ...r }) => r)
      throw new HubspotError(400, 'VALIDATION_ERROR', `Property values were not valid: ${JSON.stringify(list)}`, {
        errors: refusals.map((r) => r.extra),
      })
    }
    return values
  }

  /** Enumerations whose options live elsewhere: owners, pipelines, stages. */
  #contextual(table: Table, name: string, value: unknown, row: Record<string, string | null>): { refusal: Refusal } | undefined {
    const text = value === null || value === undefined ? '' : String(value)
    if (text === '') return undefined
    const no = (message: string) => ({ refusal: refusal(name, 'INVALID_OPTION', message, this.id) })
    if (name === 'hubspot_owner_id' && this.owners.size > 0 && !this.owners.get(text)?.active)
      return no(`${text} was not a valid owner id.`)
    if (name === 'pipeline' && table.def.pipelines.length > 0 && !table.def.pipelines.some((p) => p.id === text))
      return no(`${text} was not one of the allowed options: [${table.def.pipelines.map((p) => p.id).join(', ')}]`)
    if (name === 'dealstage') {
      const pipeline = table.def.pipelines.find((p) => p.id === (row.pipeline || table.def.pipelines[0]?.id))
      if (pipeline && !pipeline.stages.some((s) => s.id === text))
        return no(`${text} is not a valid stage of pipeline ${pipeline.id}: [${pipeline.stages.map((s) => s.id).join(', ')}]`)
    }
    if (name === 'deal_currency_code' && !this.currencies.includes(text))
      return no(`${text} is not an active currency of this account: [${this.currencies.join(', ')}]`)
    return undefined
  }

  #checkUnique(table: Table, properties: Record<string, string | null>, self?: string): void {
    for (const [name, index] of table.unique) {
      const value = properties[name]
      const holder = value && index.get(value.toLowerCase())
      if (!holder || holder === self) continue
      if (name === 'email')
        throw new HubspotError(409, 'CONFLICT', `Contact already exists. Existing ID: ${holder}`, {
          context: { existingId: [holder] },
        })
      const list = [
        {
          isValid: false,
          message: `${holder} already has that value.`,
          error: 'CONFLICTING_UNIQUE_VALUE',
          name,
        },
      ]
      throw new HubspotError(400, 'VALIDATION_ERROR', `Property values were not valid: ${JSON.stringify(list)}`, {
        errors: [
          {
            message: `${holder} already has that value.`,
            code: 'CONFLICTING_UNIQUE_VALUE',
            context: { propertyName: [name], existingId: [holder] },
          },
        ],
        context: { existingId: [holder] },
      })
    }
  }

  #defaults(table: Table, obj: Obj): void {
    const { def } = table
    const first = def.pipelines[0]
    if (def.name === 'deals' && first) obj.properties.pipeline ??= first.id
    if (def.name === 'companies' && obj.properties.domain) obj.properties.website ??= obj.properties.domain
    if (def.name === 'companies' && !obj.properties.domain && obj.properties.website) {
      const host = URL.parse(
        /^https?:/.test(obj.properties.website) ? obj.properties.website : `https://${obj.properties.website}`,
      )?.hostname
      if (host) obj.properties.domain = host.replace(/^www\./, '')
    }
    if (def.name === 'contacts' || def.name === 'companies') obj.properties.lifecyclestage ??= 'lead'
    this.#derive(table, obj)
  }

  /** What HubSpot computes on save. */
  #derive(table: Table, obj: Obj): void {
    if (table.def.name === 'deals') {
      const stage = table.def.pipelines
        .find((p) => p.id === obj.properties.pipeline)
        ?.stages.find((s) => s.id === obj.properties.dealstage)
      obj.properties.hs_deal_stage_probability = stage ? String(Number(stage.metadata.probability)) : null
      obj.properties.hs_is_closed = stage ? String(stage.metadata.isClosed === 'true') : 'false'
      obj.properties.hs_is_closed_won = stage
        ? String(stage.metadata.isClosed === 'true' && Number(stage.metadata.probability) === 1)
        : 'false'
    }
    if (table.def.name === 'contacts') {
      const email = obj.properties.email
      obj.properties.hs_email_domain = email ? email.slice(email.indexOf('@') + 1) : null
    }
  }
}

const stringsOf = (input: Record<string, unknown>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(input).map(([k, v]) => [k, v === null || v === undefined ? null : String(v)]))
