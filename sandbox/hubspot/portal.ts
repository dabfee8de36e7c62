import { HubspotError } from './errors.ts'
import { Linked } from './links.ts'
import { entryOf, type Obj, type Source } from './model.ts'
import { acceptAll, checkUnique, defaults, derive } from './saving.ts'

/** The state of a local HubSpot portal, and what can be done to its records. */
export class Portal extends Linked {
  /** @param givenId keeps the id of an imported record. */
  create(type: string, input: Record<string, unknown>, source: Source, givenId?: string): Obj {
    const table = this.table(type)
    const properties = acceptAll(this, table, input, {})
    checkUnique(table, properties)
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
    defaults(this.year, table, obj)
    this.lag(table, id, null)
    this.put(table, obj)
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

  /** Puts a record there under a given id, read-only values included: what another portal once held. One that is there stays. */
  seed(type: string, id: string, properties: Record<string, string | null>): void {
    const table = this.table(type)
    if (table.objects.has(id)) return
    const known = Object.entries(properties).filter(([name]) => table.def.properties.has(name))
    const obj = this.create(type, {}, { type: 'CRM_UI', id: 'userId:1', userId: 1 }, id)
    Object.assign(obj.properties, Object.fromEntries(known))
    this.put(table, obj)
  }

  update(type: string, id: string, input: Record<string, unknown>, source: Source): Obj {
    const table = this.table(type)
    const obj = this.resolve(type, id)
    if (!obj || obj.archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
    const given = acceptAll(this, table, input, obj.properties)
    const changed: Record<string, string | null> = {}
    for (const name in given) if ((obj.properties[name] ?? null) !== given[name]) changed[name] = given[name]!
    const names = Object.keys(changed)
    if (names.length === 0) return obj
    checkUnique(table, changed, obj.id)
    this.lag(table, obj.id, obj)
    this.unindex(table, obj)
    const now = this.clock.now()
    for (const name of names) this.set(table, obj, name, changed[name]!, now, source)
    obj.updated = now
    derive(table, obj)
    this.put(table, obj)
    for (const property of names)
      this.onEvent({
        kind: 'propertyChange',
        type: table.def.name,
        id: obj.id,
        at: now,
        source,
        property,
        value: changed[property]!,
      })
    return obj
  }

  /** Whether a write would be taken, without doing it. @throws HubspotError when not. */
  check(type: string, obj: Obj | undefined, input: Record<string, unknown>): void {
    const table = this.table(type)
    checkUnique(table, acceptAll(this, table, input, obj?.properties ?? {}), obj?.id)
  }

  archive(type: string, id: string, source: Source): void {
    const table = this.table(type)
    const obj = this.resolve(type, id)
    if (!obj || obj.archived) return
    this.unindex(table, obj)
    obj.archived = true
    obj.archivedAt = this.clock.now()
    this.put(table, obj)
    // Archiving takes the record out of every association; the other side keeps its version.
    const key = `${table.def.name}:${obj.id}`
    for (const other of [...(this.links.get(key)?.keys() ?? [])]) this.unlink(key, other)
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
    this.put(table, obj)
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
      this.take(table, old)
      this.redirects.set(`${table.def.name}:${old.id}`, merged.id)
      this.journal.append({
        redirect: [`${table.def.name}:${old.id}`, merged.id],
        drop: [table.def.name, old.id],
      })
    }
    this.lag(table, merged.id, null)
    this.put(table, merged)
    for (const old of [primary, other]) {
      const key = `${table.def.name}:${old.id}`
      for (const [toKey, types] of [...(this.links.get(key) ?? [])]) {
        const back = this.links.get(toKey)?.get(key) ?? []
        this.unlink(key, toKey)
        if (toKey === `${table.def.name}:${primary.id}` || toKey === `${table.def.name}:${other.id}`) continue
        const here = `${table.def.name}:${merged.id}`
        for (const t of types) this.link(here, toKey, t)
        for (const t of back) this.link(toKey, here, t)
        const contact = toKey.startsWith('contacts:')
          ? this.table('contacts').objects.get(toKey.slice('contacts:'.length))
          : undefined
        if (contact?.properties.associatedcompanyid === old.id) contact.properties.associatedcompanyid = merged.id
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
}
