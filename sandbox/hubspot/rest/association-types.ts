import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import type { TypeDef } from '../schema.ts'
import { type Answer, ASSOCIATIONS, at, input, ok, type Request, type Route } from './route.ts'

/** Types and labels of associations, and how v3 and v4 write them. */

export const routes: Route[] = [
  ['GET', at(`${ASSOCIATIONS}/([^/]+)/([^/]+)/(labels|types)`), associationLabels],
  ['POST', at(`${ASSOCIATIONS}/([^/]+)/([^/]+)/labels`), createLabel],
]

export function associationsInline(portal: Portal, def: TypeDef, id: string, types: string[]) {
  const found: Record<string, { results: { id: string; type: string }[] }> = {}
  for (const to of types) {
    const target = portal.table(to).def
    const results = portal
      .associated(def.name, id, to)
      .flatMap((a) => a.types.map((t) => ({ id: a.id, type: typeName(portal, def.name, target.name, t) })))
    if (results.length > 0) found[target.name] = { results }
  }
  return Object.keys(found).length > 0 ? found : undefined
}

export function typeName(portal: Portal, from: string, to: string, key: string): string {
  const [category, typeId] = key.split(':') as [string, string]
  const label = portal.associationType(from, to, category, Number(typeId))?.label
  const base = `${portal.table(from).def.singular}_to_${portal.table(to).def.singular}`
  return label === null || label === undefined || label === 'Primary'
    ? label
      ? base
      : `${base}_unlabeled`
    : label.toLowerCase().replaceAll(' ', '_')
}

export function typeByName(portal: Portal, from: string, to: string, name: string) {
  const types = portal.associationTypes(from, to)
  const [a, b] = [portal.table(from).def.singular, portal.table(to).def.singular]
  const found =
    types.find((t) => String(t.typeId) === name) ??
    (name === `${a}_to_${b}` || name === `${a}_to_${b}_unlabeled`
      ? (types.find((t) => t.label === (name.endsWith('unlabeled') ? null : 'Primary')) ?? types.find((t) => t.label === null))
      : undefined)
  if (!found) throw new HubspotError(400, 'VALIDATION_ERROR', `${name} is not a valid association type between ${a} and ${b}`)
  return found
}

export const typeEntry = (portal: Portal, from: string, to: string, key: string) => {
  const [category, typeId] = key.split(':') as [string, string]
  const type = portal.associationType(from, to, category, Number(typeId))
  return { category, typeId: Number(typeId), label: type?.label ?? null }
}

function associationLabels(portal: Portal, _: Request, from?: string, to?: string, what?: string): Answer {
  const types = portal.associationTypes(from!, to!)
  if (what === 'types')
    return ok({
      results: types.map((t) => ({
        id: String(t.typeId),
        name: typeName(portal, portal.table(from!).def.name, portal.table(to!).def.name, `${t.category}:${t.typeId}`),
      })),
    })

  return ok({ results: types.map(({ category, typeId, label }) => ({ category, typeId, label })) })
}

function createLabel(portal: Portal, r: Request, from?: string, to?: string): Answer {
  const { label, inverseLabel } = input<{ label: string; name: string; inverseLabel?: string }>(r.body)
  const id = 600 + portal.associations.length * 2
  portal.associations.push({
    from: portal.table(from!).def.name,
    to: portal.table(to!).def.name,
    category: 'USER_DEFINED',
    typeId: id,
    inverseId: id + 1,
    label,
    inverseLabel: inverseLabel ?? label,
  })
  return ok({
    results: [
      { category: 'USER_DEFINED', typeId: id, label },
      { category: 'USER_DEFINED', typeId: id + 1, label: inverseLabel ?? label },
    ],
  })
}
