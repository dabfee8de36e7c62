import { HubspotError } from '../errors.ts'
import type { Obj, Source } from '../model.ts'
import type { Portal } from '../portal.ts'
import { createdRenderer, updatedRenderer } from '../record-body.ts'

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
  const { def } = portal.table(type)
  return written ? updatedRenderer(portal, def)(obj, written) : createdRenderer(portal, def)(obj)
}

export function found(portal: Portal, type: string, id: string, idProperty?: string | null): Obj {
  const obj = idProperty && idProperty !== 'hs_object_id' ? portal.byUnique(type, idProperty, id) : portal.resolve(type, id)
  if (!obj || obj.archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
  return obj
}

/** Makes a record with its associations; all of them are checked before. */
export function createOne(portal: Portal, type: string, item: BatchInput, source: Source): Obj {
  const links = (item.associations ?? []).flatMap((a) => a.types.map((t) => linkOf(portal, type, a.to.id, t)))
  const obj = portal.create(type, item.properties ?? {}, source)
  for (const { to, id, category, typeId } of links) portal.associate(type, obj.id, to, id, category, typeId, source)
  return obj
}

function linkOf(
  portal: Portal,
  type: string,
  id: string,
  { associationCategory: category, associationTypeId }: Association['types'][number],
) {
  const typeId = Number(associationTypeId)
  const to = portal.associationTarget(type, category, typeId)
  const target = portal.resolve(to, id)
  if (!target || target.archived)
    throw new HubspotError(400, 'VALIDATION_ERROR', `One or more ${to} ids do not exist: [${id}]`, {
      context: { ids: [String(id)] },
    })
  return { to, id, category, typeId }
}
