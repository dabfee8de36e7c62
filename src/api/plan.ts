import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { parse } from 'yaml'
import { type MappingDocument, mappingSchema } from '../../mappings/mapping.ts'
import { entitySchema } from '../../mappings/model/model.ts'
import { listMappingVersions, mappingOfVersion } from '../../store/mappings.ts'
import * as queries from '../../store/queries.ts'
import { inTransaction } from '../../sync/engine.ts'
import { planMapping } from '../../sync/plan/mapping.ts'
import { plan } from '../../sync/plan/plan.ts'
import { activate, refreshMappings } from '../../sync/remap.ts'
import type { Runtime } from '../../sync/runtime.ts'
import type { App } from '../app.ts'
import { checkMapping } from '../mapping-check.ts'
import { ApiError, anyObject, errors, json, problem } from './respond.ts'

/** What would be written, before it is; and mappings, whose new versions are planned before they are put to work. */
export function planRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const body = <S extends z.ZodType>(schema: S) => ({ required: true, content: { 'application/json': { schema } } })
  const conflict = { 409: json(problem, 'It cannot be done now') }
  const mapped = { connection: z.string().optional(), yaml: z.string() }

  /** A mapping as it was handed in, checked, and the connection it is for. */
  const accept = async (given: { connection?: string | undefined; yaml: string }) => {
    let raw: unknown
    try {
      raw = parse(given.yaml)
    } catch (error) {
      throw new ApiError(400, 'invalid_yaml', `the mapping is no YAML: ${(error as Error).message.split('\n')[0]}`)
    }
    const wrong = (await checkMapping(app, raw)).filter((f) => f.level === 'error')
    if (wrong.length > 0)
      throw new ApiError(400, 'invalid_mapping', wrong.map((f) => `${f.field}: ${f.problem}; ${f.fix}`).join('. '), wrong)
    const document = mappingSchema.parse(raw)
    return { rt: connectionFor(document, given.connection), document }
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
            mapping: z.strictObject(mapped).optional(),
          }),
        ),
      },
      responses: { 200: json(anyObject, 'The plan'), ...conflict, ...errors },
    }),
    async (c) => {
      const { entity, record, mapping } = c.req.valid('json')
      if (record !== undefined && !(await inTx((tx) => queries.findRecord(tx, record))))
        throw new ApiError(404, 'not_found', `there is no record ${record}`)
      if (mapping) {
        const { rt, document } = await accept(mapping)
        return c.json({ ...(await planMapping(engine, rt, document)) }, 200)
      }
      return c.json({ ...(await plan(engine, { entity, recordId: record })) }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/mappings:publish',
      summary: 'Make a mapping the active one of its entity; existing records follow it',
      request: { body: body(z.strictObject(mapped)) },
      responses: { 200: json(anyObject, 'Its version'), ...conflict, ...errors },
    }),
    async (c) => {
      const { rt, document } = await accept(c.req.valid('json'))
      return c.json(await publish(rt, document), 200)
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
        body: body(z.strictObject({ connection: z.string(), entity: entitySchema, version: z.number().int().positive() })),
      },
      responses: { 200: json(anyObject, 'Its new version'), ...conflict, ...errors },
    }),
    async (c) => {
      const { connection, entity, version } = c.req.valid('json')
      const rt = app.runtime(connection)
      const stored = rt && (await inTx((tx) => mappingOfVersion(tx, rt.id, entity, version)))
      if (!rt || !stored)
        throw new ApiError(404, 'not_found', `there is no version ${version} of the mapping of ${entity} for ${connection}`)
      return c.json(await publish(rt, mappingSchema.parse(stored)), 200)
    },
  )

  async function publish(rt: Runtime, document: MappingDocument) {
    const version = await inTx((tx) => activate(tx, rt, document))
    await refreshMappings(engine, rt)
    app.log.warn({ connection: rt.name, entity: document.entity, version }, 'mapping published')
    for (const other of engine.runtimes) for (const direction of ['pull', 'push'] as const) engine.nudge(other.id, direction)
    return { connection: rt.name, entity: document.entity, version }
  }
}
