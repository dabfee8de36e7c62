import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import { typeByName, typeEntry, typeName } from './association-types.ts'
import { associateDefault, defaultAnswer, labelsAnswer } from './associations.ts'
import { batchAnswer, limitBatch } from './batch-body.ts'
import { type Answer, ASSOCIATIONS, at, input, ok, type Request, type Route } from './route.ts'

/** `/crm/v4/associations/{from}/{to}/batch/...`. */

export const routes: Route[] = [
  ['POST', at(`${ASSOCIATIONS}/([^/]+)/([^/]+)/batch/read`), associationsRead],
  ['POST', at(`${ASSOCIATIONS}/([^/]+)/([^/]+)/batch/create`), associationsCreate],
  ['POST', at(`${ASSOCIATIONS}/([^/]+)/([^/]+)/batch/associate/default`), associationsDefault],
  ['POST', at(`${ASSOCIATIONS}/([^/]+)/([^/]+)/batch/(archive|labels/archive)`), associationsArchive],
]

function associationsRead(portal: Portal, r: Request, from?: string, to?: string): Answer {
  const { inputs } = input<{ inputs: { id: string }[] }>(r.body)
  limitBatch(inputs, 1000)
  const show = r.path.startsWith('/crm/v3') ? namedTargets(portal, from!, to!) : typedTargets(portal, from!, to!)
  const [fromType, toType] = [portal.table(from!).def.singular, portal.table(to!).def.singular]
  const results: unknown[] = []
  const errors: unknown[] = []
  for (const { id } of inputs) {
    const all = portal.associated(from!, String(id), to!)
    if (all.length > 0) results.push({ from: { id: String(id) }, to: show(all) })
    else
      errors.push({
        status: 'error',
        category: 'OBJECT_NOT_FOUND',
        message: `No ${toType} is associated with ${fromType} ${id}.`,
        context: { fromObjectId: [String(id)], fromObjectType: [fromType], toObjectType: [toType] },
        subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND',
      })
  }
  return errors.length > 0 ? ok(batchAnswer(portal, results, errors), 207) : ok(batchAnswer(portal, results))
}

type Targets = (all: { id: string; types: string[] }[]) => unknown[]

/** As v4 writes the other ends: each with its types. */
function typedTargets(portal: Portal, from: string, to: string): Targets {
  const known = new Map<string, unknown>()
  const entry = (type: string) => {
    if (!known.has(type)) known.set(type, typeEntry(portal, from, to, type))
    return known.get(type)
  }
  return (all) => all.map((a) => ({ toObjectId: Number(a.id), associationTypes: a.types.map(entry) }))
}

/** As v3 writes the other ends: one for each type. */
function namedTargets(portal: Portal, from: string, to: string): Targets {
  const [a, b] = [portal.table(from).def.name, portal.table(to).def.name]
  return (all) => all.flatMap((x) => x.types.map((t) => ({ id: x.id, type: typeName(portal, a, b, t) })))
}

interface LinkInput {
  from: { id: string }
  to: { id: string }
  types?: { associationCategory: string; associationTypeId: number }[]
  type?: string
}

function checkEnds(portal: Portal, from: string, to: string, inputs: LinkInput[]): void {
  for (const [type, side] of [
    [from, 'from'],
    [to, 'to'],
  ] as const) {
    const lost = inputs
      .map((i) => String(i[side].id))
      .filter((id) => {
        const o = portal.resolve(type, id)
        return !o || o.archived
      })
    if (lost.length > 0)
      throw new HubspotError(
        400,
        'VALIDATION_ERROR',
        `One or more ${portal.table(type).def.name} ids do not exist: [${lost.join(', ')}]`,
        { context: { ids: lost } },
      )
  }
}

function associationsCreate(portal: Portal, r: Request, from?: string, to?: string): Answer {
  const { inputs } = input<{ inputs: LinkInput[] }>(r.body)
  limitBatch(inputs, 2000)
  checkEnds(portal, from!, to!, inputs)
  const v4 = !r.path.startsWith('/crm/v3')
  const results = inputs.flatMap((i): unknown[] => {
    if (v4) {
      for (const t of i.types ?? [])
        portal.associate(from!, i.from.id, to!, i.to.id, t.associationCategory, t.associationTypeId, r.source)
      return [labelsAnswer(portal, from!, i.from.id, to!, i.to.id, i.types)]
    }
    const type = typeByName(portal, from!, to!, i.type ?? '')
    portal.associate(from!, i.from.id, to!, i.to.id, type.category, type.typeId, r.source)
    // v3 answers with both directions.
    const back = `${portal.table(to!).def.singular}_to_${portal.table(from!).def.singular}`
    return [
      { from: { id: i.from.id }, to: { id: i.to.id }, type: i.type },
      { from: { id: i.to.id }, to: { id: i.from.id }, type: back },
    ]
  })
  return ok(batchAnswer(portal, results), 201)
}

function associationsDefault(portal: Portal, r: Request, from?: string, to?: string): Answer {
  const { inputs } = input<{ inputs: LinkInput[] }>(r.body)
  limitBatch(inputs, 2000)
  checkEnds(portal, from!, to!, inputs)
  for (const i of inputs) associateDefault(portal, from!, i.from.id, to!, i.to.id, r.source)
  return ok(
    batchAnswer(
      portal,
      inputs.flatMap((i) => defaultAnswer(portal, from!, i.from.id, to!, i.to.id).results),
    ),
  )
}

function associationsArchive(portal: Portal, r: Request, from?: string, to?: string, what?: string): Answer {
  const { inputs } = input<{ inputs: (Omit<LinkInput, 'to'> & { to: { id: string } | { id: string }[] })[] }>(r.body)
  limitBatch(inputs, 2000)
  for (const i of inputs)
    for (const target of [i.to].flat())
      portal.dissociate(
        from!,
        String(i.from.id),
        to!,
        String(target.id),
        what === 'archive' ? undefined : i.types?.map((t) => ({ category: t.associationCategory, typeId: t.associationTypeId })),
        r.source,
      )
  return { status: 204 }
}
