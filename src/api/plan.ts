import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { parse } from 'yaml'
import { type MappingDocument, mappingSchema } from '../../mappings/mapping.ts'
import { entitySchema } from '../../mappings/model/model.ts'
import { DraftGone, discardDraft, draftMapping, listMappingVersions, mappingOfVersion } from '../../store/mappings.ts'
import * as queries from '../../store/queries.ts'
import { inTransaction } from '../../sync/engine.ts'
import { type MappingChange, planMappings } from '../../sync/plan/mapping.ts'
import { plan } from '../../sync/plan/plan.ts'
import { activate, refreshMappings } from '../../sync/remap.ts'
import type { Runtime } from '../../sync/runtime.ts'
import type { App } from '../app.ts'
import { checkMapping } from '../mapping-check.ts'
import { ApiError, anyObject, errors, json, problem } from './respond.ts'

/** A mapping that may be published. */
interface Accepted extends MappingChange {
  /** Its number, where it is a draft. */
  draft?: number
}

/** What would be written, before it is; and mappings, whose new versions are planned before they are put to work. */
export function planRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const body = <S extends z.ZodType>(schema: S) => ({ required: true, content: { 'application/json': { schema } } })
  const conflict = { 409: json(problem, 'It cannot be done now') }
  const given = z.union([
    z.strictObject({ connection: z.string().optional(), yaml: z.string() }).describe('A document'),
    z
      .strictObject({ connection: z.string(), entity: entitySchema, version: z.number().int().positive() })
      .describe('A version that is stored: a draft, or an earlier one'),
  ])
  const several = z.array(given).min(1).max(100)
  type Given = z.infer<typeof given>

  /** Mappings as they were handed in, checked, and the connections they are for. */
  const accept = async (all: Given[]): Promise<Accepted[]> => {
    const accepted: Accepted[] = []
    for (const one of all) accepted.push('yaml' in one ? await acceptDocument(one) : await stored(one))
    const names = accepted.map((a) => `${a.document.entity} of ${a.rt.name}`)
    const twice = names.find((n, i) => names.indexOf(n) !== i)
    if (twice) throw new ApiError(400, 'invalid_mapping', `there are two mappings for ${twice}`)
    return accepted
  }
  const acceptDocument = async ({ yaml, connection }: Extract<Given, { yaml: string }>): Promise<Accepted> => {
    let raw: unknown
    try {
      raw = parse(yaml)
    } catch (error) {
      throw new ApiError(400, 'invalid_yaml', `the mapping is no YAML: ${(error as Error).message.split('\n')[0]}`)
    }
    const wrong = (await checkMapping(app, raw)).filter((f) => f.level === 'error')
    if (wrong.length > 0)
      throw new ApiError(400, 'invalid_mapping', wrong.map((f) => `${f.field}: ${f.problem}; ${f.fix}`).join('. '), wrong)
    const document = mappingSchema.parse(raw)
    return { rt: connectionFor(document, connection), document }
  }
  const stored = async ({ connection, entity, version }: Extract<Given, { version: number }>): Promise<Accepted> => {
    const rt = app.runtime(connection)
    const found = rt && (await inTx((tx) => mappingOfVersion(tx, rt.id, entity, version)))
    if (!rt || !found)
      throw new ApiError(404, 'not_found', `there is no version ${version} of the mapping of ${entity} for ${connection}`)
    return { rt, document: mappingSchema.parse(found.document), ...(found.status === 'draft' && { draft: version }) }
  }
  const connectionFor = (document: MappingDocument, name: string | undefined): Runtime => {
    const fitting = engine.runtimes.filter((r) => r.kind === document.crm && (name === undefined || r.name === name))
    if (fitting.length === 1) return fitting[0]!
    throw new ApiError(
      400,
      'invalid_connection',
      fitting.length === 0
        ? `there is no ${document.crm} connection${name ? ` named ${name}` : ''}`
        : `say which connection the mapping is for: ${fitting.map((r) => r.name).join(', ')}`,
    )
  }

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/plan',
      summary: 'What the next run would write, or what it would with another mapping; nothing is written',
      request: {
        body: body(
          z.strictObject({
            entity: entitySchema.optional(),
            record: z.uuid().optional(),
            mapping: given.optional(),
            mappings: several.optional(),
          }),
        ),
      },
      responses: { 200: json(anyObject, 'The plan'), ...conflict, ...errors },
    }),
    async (c) => {
      const { entity, record, mapping, mappings = mapping ? [mapping] : [] } = c.req.valid('json')
      if (record !== undefined && !(await inTx((tx) => queries.findRecord(tx, record))))
        throw new ApiError(404, 'not_found', `there is no record ${record}`)
      if (mappings.length > 0) return c.json({ ...(await planMappings(engine, await accept(mappings))) }, 200)
      return c.json({ ...(await plan(engine, { entity, recordId: record })) }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/mappings:publish',
      summary: 'Make a mapping, or several at once, the active ones of their entities; existing records follow',
      request: { body: body(z.union([given, z.strictObject({ mappings: several })])) },
      responses: { 200: json(anyObject, 'Its version, or theirs'), ...conflict, ...errors },
    }),
    async (c) => {
      const asked = c.req.valid('json')
      const published = await publish(await accept('mappings' in asked ? asked.mappings : [asked]))
      return c.json('mappings' in asked ? { items: published } : published[0]!, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/mappings:draft',
      summary: 'Keep a mapping as a draft: it can be planned and published later',
      request: { body: body(z.strictObject({ connection: z.string().optional(), yaml: z.string() })) },
      responses: { 200: json(anyObject, 'Its version'), ...errors },
    }),
    async (c) => {
      const { rt, document } = await acceptDocument(c.req.valid('json'))
      const version = await inTx((tx) => draftMapping(tx, rt.id, document.entity, document))
      return c.json({ connection: rt.name, entity: document.entity, version, status: 'draft' }, 200)
    },
  )
  const named = z.strictObject({ connection: z.string(), entity: entitySchema, version: z.number().int().positive() })
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/mappings:discard',
      summary: 'Throw a draft away',
      request: { body: body(named) },
      responses: { 200: json(anyObject, 'Gone'), ...errors },
    }),
    async (c) => {
      const { connection, entity, version } = c.req.valid('json')
      const rt = app.runtime(connection)
      if (!rt || !(await inTx((tx) => discardDraft(tx, rt.id, entity, version))))
        throw new ApiError(404, 'not_found', `there is no draft ${version} of the mapping of ${entity} for ${connection}`)
      return c.json({ connection, entity, version, discarded: true }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/mappings/versions',
      summary: 'Versions of the mappings, newest first',
      responses: { 200: json(anyObject, 'Versions') },
    }),
    async (c) => c.json({ items: await inTx(listMappingVersions) }, 200),
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/mappings:rollback',
      summary: 'Make an earlier version of a mapping the active one again',
      request: {
        body: body(named),
      },
      responses: { 200: json(anyObject, 'Its new version'), ...conflict, ...errors },
    }),
    async (c) => {
      const { draft: _, ...version } = await stored(c.req.valid('json'))
      return c.json((await publish([version]))[0]!, 200)
    },
  )

  async function publish(accepted: Accepted[]) {
    // All of them or none.
    const published = await inTx(async (tx) => {
      const made: { connection: string; entity: string; version: number }[] = []
      for (const { rt, document, draft } of accepted)
        made.push({ connection: rt.name, entity: document.entity, version: await activate(tx, rt, document, draft) })
      return made
    }).catch((error) => {
      throw error instanceof DraftGone ? new ApiError(409, 'draft_gone', error.message) : error
    })
    for (const rt of new Set(accepted.map((a) => a.rt))) await refreshMappings(engine, rt)
    for (const p of published) app.log.warn(p, 'mapping published')
    for (const other of engine.runtimes) for (const direction of ['pull', 'push'] as const) engine.nudge(other.id, direction)
    return published
  }
}
