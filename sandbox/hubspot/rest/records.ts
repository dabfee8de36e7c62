import { HubspotError } from '../errors.ts'
import type { Obj, Source } from '../model.ts'
import type { Portal } from '../portal.ts'
import { renderObject } from '../render.ts'

/** Single records as requests name, make and show them. */

export interface BatchInput {
  id?: string
  idProperty?: string
  properties?: Record<string, unknown>
  associations?: Association[]
  objectWriteTraceId?: string
}
export interface Association {
  to: { id: string }
  types: { associationCategory: string; associationTypeId: number }[]
}

/** A written record: all of it after a create or merge, what was written after an update. */
export function rendered(portal: Portal, type: string, obj: Obj, written?: string[]) {
  return renderObject(portal, portal.table(type).def, obj, written ? { written } : { all: true })
}

export function found(portal: Portal, type: string, id: string, idProperty?: string | null): Obj {
  const obj = idProperty && idProperty !== 'hs_object_id' ? portal.byUnique(type, idProperty, id) : portal.resolve(type, id)
  if (!obj || obj.archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
  return obj
}

export function createOne(portal: Portal, type: string, item: BatchInput, source: Source): Obj {
  for (const a of item.associations ?? []) for (const t of a.types) checkAssociation(portal, type, a.to.id, t)
  const obj = portal.create(type, item.properties ?? {}, source)
  for (const a of item.associations ?? [])
    for (const t of a.types)
      portal.associate(type, obj.id, targetOf(portal, type, t), a.to.id, t.associationCategory, t.associationTypeId, source)
  return obj
}

export function targetOf(portal: Portal, type: string, t: { associationCategory: string; associationTypeId: number }): string {
  for (const to of portal.tables.keys())
    if (
      portal
        .associationTypes(type, to)
        .some((x) => x.category === t.associationCategory && x.typeId === Number(t.associationTypeId))
    )
      return to
  throw new HubspotError(400, 'VALIDATION_ERROR', `Invalid association type ${t.associationTypeId} for ${type}`)
}

export function checkAssociation(
  portal: Portal,
  type: string,
  id: string,
  t: { associationCategory: string; associationTypeId: number },
): void {
  const to = targetOf(portal, type, t)
  const target = portal.resolve(to, id)
  if (!target || target.archived)
    throw new HubspotError(400, 'VALIDATION_ERROR', `One or more ${to} ids do not exist: [${id}]`, {
      context: { ids: [String(id)] },
    })
}
