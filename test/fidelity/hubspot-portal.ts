import { z } from 'zod'
import { bare, type Exchange } from './recordings.ts'
import type { Stage } from './stage.ts'

/**
 * Makes the recorder's portal out of a recording: the custom object type, the properties that its requests name and
 * the sandbox does not know, and the records that the requests name or the answers show, under their ids. Properties
 * that only an answer shows are not made: those the sandbox must have by itself.
 */

const TYPE = '2-3604285'
const SCHEMA = 'grouparoo-nock/get-crm-v3-schemas-2-3604285-200-0.json'

type Properties = Record<string, string | null>
const properties = z.record(z.string(), z.string().nullable())
const shown = z.object({ id: z.string(), properties })
const withLinks = z.object({
  id: z.string(),
  associations: z.record(z.string(), z.object({ results: z.array(z.object({ id: z.string() })) })).optional(),
})
const bodyOf = z.object({
  properties: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).optional(),
  inputs: z
    .array(z.object({ id: z.string().optional(), properties: z.record(z.string(), z.unknown()).optional() }).loose())
    .optional(),
  filterGroups: z.array(z.object({ filters: z.array(z.object({ propertyName: z.string() })) })).optional(),
})
const schema = z.object({
  response: z.object({
    name: z.string(),
    labels: z.object({ singular: z.string(), plural: z.string() }),
    requiredProperties: z.array(z.string()),
    searchableProperties: z.array(z.string()),
    primaryDisplayProperty: z.string(),
    properties: z.array(
      z
        .object({
          name: z.string(),
          label: z.string(),
          type: z.string(),
          fieldType: z.string(),
          hubspotDefined: z.boolean().optional(),
          hasUniqueValue: z.boolean().optional(),
        })
        .loose(),
    ),
  }),
})

/** Property names that a request asks for, filters by or writes. */
function named({ request }: Exchange): string[] {
  const [, query = ''] = request.path.split('?')
  const body = bodyOf.safeParse(request.body)
  const keys = (p: unknown) => (Array.isArray(p) ? (p as string[]) : Object.keys(p ?? {}))
  return [
    ...(new URLSearchParams(query).get('properties')?.split(',') ?? []),
    ...(body.success ? keys(body.data.properties) : []),
    ...(body.success ? (body.data.inputs ?? []).flatMap((i) => keys(i.properties)) : []),
    ...(body.success ? (body.data.filterGroups ?? []).flatMap((g) => g.filters.map((f) => f.propertyName)) : []),
  ].filter(Boolean)
}

/** Records by id: those that an answer shows, those that a request changes or archives. */
function records({ request, answer }: Exchange): Map<string, Properties> {
  const found = new Map<string, Properties>()
  const body = bodyOf.safeParse(request.body)
  const [path = ''] = request.path.split('?')
  const single = /^\/crm\/v3\/objects\/[^/]+\/(\d+)$/.exec(path)
  if (single) found.set(single[1]!, {})
  for (const { id } of body.success ? (body.data.inputs ?? []) : []) if (id) found.set(id, {})
  if (/\/batch\/create$/.test(path) || (request.method === 'POST' && /\/objects\/[^/]+$/.test(path))) return found
  const one = shown.safeParse(answer.body)
  const many = z.object({ results: z.array(shown.loose()) }).safeParse(answer.body)
  for (const { id, properties: p } of one.success ? [one.data] : many.success ? many.data.results : []) found.set(id, p)
  return found
}

/** Associations that a listing shows beside its records. */
function linked({ answer }: Exchange): { from: string; to: string; toId: string }[] {
  const body = z.object({ results: z.array(withLinks) }).safeParse(answer.body)
  const found = (body.success ? body.data.results : []).flatMap(({ id, associations }) =>
    Object.entries(associations ?? {}).flatMap(([to, { results }]) => results.map((x) => ({ from: id, to, toId: x.id }))),
  )
  return [...new Map(found.map((l) => [JSON.stringify(l), l])).values()]
}

const typeIn = (path: string) => /^\/crm\/v3\/(?:objects|schemas|properties)\/([^/?]+)/.exec(path)?.[1]

/** Lets the sandbox's portal hold what the recording's held; answers the exchanges with the portal's own type id. */
export async function preparePortal(
  stage: Stage,
  exchanges: Exchange[],
  { absent = false }: { absent?: boolean } = {},
): Promise<Exchange[]> {
  const ours = exchanges.some((e) => e.request.path.includes(TYPE)) ? await customType(stage) : TYPE
  const done: Exchange[] = exchanges.map((e) => ({ ...e, request: { ...e.request, path: e.request.path.replace(TYPE, ours) } }))
  for (const e of done) {
    const type = typeIn(e.request.path)
    if (!type) continue
    const known = z
      .object({ results: z.array(z.object({ name: z.string() })) })
      .parse(await stage.must('GET', `/crm/v3/properties/${type}`))
    const names = new Set(known.results.map((p) => p.name))
    // A property that a reader asks for and does not get, the portal never had.
    const writes = e.request.method !== 'GET' && !e.request.path.endsWith('/search')
    const had = new Set(writes ? named(e) : [...records(e).values()].flatMap((p) => Object.keys(p)))
    for (const name of new Set(named(e)))
      if (!names.has(name) && had.has(name))
        await stage.must('POST', `/crm/v3/properties/${type}`, { name, label: name, type: 'string', fieldType: 'text' })
    if (absent || e.answer.status >= 300) continue
    for (const [id, p] of records(e)) await stage.control('/hubspot/records', { type, id, properties: set(p) })
    for (const { from, to, toId } of linked(e)) {
      await stage.control('/hubspot/records', { type: to, id: toId, properties: {} })
      await stage.must('PUT', `/crm/v4/objects/${type}/${from}/associations/default/${to}/${toId}`)
    }
  }
  return done
}

const set = (p: Properties): Properties => Object.fromEntries(Object.entries(p).filter(([, v]) => v !== null))

async function customType(stage: Stage): Promise<string> {
  const { response: s } = schema.parse(bare('hubspot', SCHEMA))
  const made = await stage.must('POST', '/crm-object-schemas/v3/schemas', {
    ...s,
    properties: s.properties.filter((p) => !p.hubspotDefined && !p.name.startsWith('hs_') && !p.name.startsWith('hubspot_')),
  })
  return String(made.objectTypeId)
}
