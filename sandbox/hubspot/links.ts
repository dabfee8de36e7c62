import { HubspotError } from './errors.ts'
import type { Source } from './model.ts'
import type { AssociationDef } from './schema.ts'
import { Tables } from './tables.ts'

/** A portal's associations: typed links between records, kept from both ends. */
export class Linked extends Tables {
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

  /** The type with these numbers that leads from one type to another; undefined when there is none. */
  associationType(from: string, to: string, category: string, typeId: number) {
    const [a, b] = [this.table(from).def.name, this.table(to).def.name]
    for (const def of this.associations) {
      if (def.category !== category) continue
      if (def.from === a && def.to === b && def.typeId === typeId) return { def, forward: true, label: def.label }
      if (def.to === a && def.from === b && def.inverseId === typeId && def.inverseId !== def.typeId)
        return { def, forward: false, label: def.inverseLabel }
    }
    return undefined
  }

  /** Where a type of association leads to from a type of record. @throws HubspotError when nowhere. */
  associationTarget(from: string, category: string, typeId: number): string {
    const { name } = this.table(from).def
    for (const def of this.associations) {
      if (def.category !== category) continue
      if (def.from === name && def.typeId === typeId && this.tables.has(def.to)) return def.to
      if (def.to === name && def.inverseId === typeId && this.tables.has(def.from)) return def.from
    }
    throw new HubspotError(400, 'VALIDATION_ERROR', `Invalid association type ${typeId} for ${from}`)
  }

  associated(from: string, id: string, to: string): { id: string; types: string[] }[] {
    const links = this.links.get(`${this.table(from).def.name}:${id}`) ?? []
    const prefix = `${this.table(to).def.name}:`
    const found: { id: string; types: string[] }[] = []
    for (const [key, types] of links) if (key.startsWith(prefix)) found.push({ id: key.slice(prefix.length), types })
    return found
  }

  associate(from: string, id: string, to: string, toId: string, category: string, typeId: number, source: Source): void {
    const a = this.end(from, id)
    const b = this.end(to, toId)
    const type = this.associationType(from, to, category, Number(typeId))
    if (!type)
      throw new HubspotError(
        400,
        'VALIDATION_ERROR',
        `One or more associations are not valid: invalid association type ${typeId} from ${a.type} to ${b.type}`,
      )
    const { def, forward } = type
    const [owner, target] = forward ? [a, b] : [b, a]
    if (def.single === 'from') {
      for (const [key, types] of [...(this.links.get(owner.key) ?? [])])
        if (key !== target.key && types.includes(`${def.category}:${def.typeId}`)) this.removeType(owner.key, key, def, source)
    }
    const fresh = this.link(owner.key, target.key, `${def.category}:${def.typeId}`)
    this.link(target.key, owner.key, `${def.category}:${def.inverseId}`)
    if (def.implies) {
      const plain = this.associations.find((x) => x.typeId === def.implies)!
      this.link(owner.key, target.key, `${plain.category}:${plain.typeId}`)
      this.link(target.key, owner.key, `${plain.category}:${plain.inverseId}`)
    }
    if (fresh) this.associationEvents(owner, target, def, false, source)
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
    const present = this.links.get(a)?.get(b) ?? []
    for (const key of present) {
      const [category, typeId] = key.split(':') as [string, string]
      if (only && !only.some((o) => o.category === category && o.typeId === Number(typeId))) continue
      const type = this.associationType(from, to, category, Number(typeId))
      if (type) this.removeType(type.forward ? a : b, type.forward ? b : a, type.def, source)
    }
  }

  protected end(type: string, id: string) {
    const def = this.table(type).def
    const obj = this.resolve(type, id)
    if (!obj || obj.archived)
      throw new HubspotError(400, 'VALIDATION_ERROR', `One or more ${def.name} ids do not exist: [${id}]`, {
        context: { ids: [String(id)] },
      })
    return { type: def.name, id: obj.id, key: `${def.name}:${obj.id}` }
  }

  protected link(a: string, b: string, type: string): boolean {
    let links = this.links.get(a)
    if (!links) {
      links = new Map()
      this.links.set(a, links)
    }
    const types = links.get(b) ?? []
    if (types.includes(type)) return false
    const more = [...types, type]
    links.set(b, more)
    this.journal.append({ link: [a, b, more] })
    return true
  }

  protected removeType(owner: string, target: string, def: AssociationDef, source: Source): void {
    for (const [x, y, type] of [
      [owner, target, `${def.category}:${def.typeId}`],
      [target, owner, `${def.category}:${def.inverseId}`],
    ] as const) {
      const links = this.links.get(x)
      const types = links?.get(y)
      if (!links || !types) continue
      const left = types.filter((t) => t !== type)
      this.journal.append({ link: [x, y, left] })
      if (left.length > 0) links.set(y, left)
      else links.delete(y)
    }
    const [type, id] = owner.split(':') as [string, string]
    const [toType, toId] = target.split(':') as [string, string]
    this.associationEvents({ type, id }, { type: toType, id: toId }, def, true, source)
  }

  protected unlink(a: string, b: string): void {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      if (this.links.get(x)?.delete(y)) this.journal.append({ link: [x, y, []] })
    }
  }

  /** Both directions are told, as HubSpot does. */
  protected associationEvents(
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
}
