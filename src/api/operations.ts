import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { parse } from 'yaml'
import { mappingJsonSchema } from '../../mappings/mapping.ts'
import { entitySchema } from '../../mappings/model/model.ts'
import * as attention from '../../store/attention.ts'
import * as queries from '../../store/queries.ts'
import { isWatching, setWatching } from '../../store/watch.ts'
import { laneState } from '../../sync/drain.ts'
import { inTransaction } from '../../sync/engine.ts'
import type { App } from '../app.ts'
import { checkMapping } from '../mapping-check.ts'
import { summarise } from '../summary.ts'
import { ApiError, anyObject, errors, json } from './respond.ts'

/** Running the sync: pauses, lanes, status, verify, connections, mappings. */
export function operationRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  for (const [path, paused] of [
    ['/api/v1/pause', true],
    ['/api/v1/resume', false],
  ] as const) {
    api.openapi(
      createRoute({
        method: 'post',
        path,
        summary: paused ? 'Stop writes' : 'Let writes go on',
        request: {
          body: {
            content: {
              'application/json': {
                schema: z.strictObject({
                  scope: z.string().default('all'),
                  reason: z.string().default('paused by a person'),
                }),
              },
            },
          },
        },
        responses: { 200: json(anyObject, 'What is paused now'), ...errors },
      }),
      async (c) => {
        // Without a body there is nothing to validate, and nothing but the defaults.
        const { scope = 'all', reason = 'paused by a person' } = c.req.valid('json')
        const connections = await inTx(queries.connectionNames)
        const known = ['all', ...entitySchema.options, ...connections.map((c) => c.name)]
        if (!known.includes(scope))
          throw new ApiError(
            400,
            'unknown_scope',
            `"${scope}" is neither a connection nor an entity; known are ${known.join(', ')}`,
          )
        const now = await inTx(async (tx) => {
          await queries.setPause(tx, scope, paused, reason)
          return queries.pauses(tx)
        })
        app.log.warn({ scope }, paused ? 'writes paused' : 'writes resumed')
        if (!paused) app.nudgeWriters()
        return c.json({ paused: now }, 200)
      },
    )
  }
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/lanes/{id}/run',
      summary: 'Give a lane its turn now; id is CONNECTION:pull or CONNECTION:push',
      request: { params: z.object({ id: z.string() }) },
      responses: { 202: json(anyObject, 'Queued'), ...errors },
    }),
    (c) => {
      const [name = '', direction = 'pull'] = c.req.valid('param').id.split(':')
      const rt = app.runtime(name)
      if (!rt || (direction !== 'pull' && direction !== 'push'))
        throw new ApiError(
          404,
          'not_found',
          `there is no lane ${c.req.valid('param').id}; lanes are ${engine.runtimes.flatMap((r) => [`${r.name}:pull`, `${r.name}:push`]).join(', ')}`,
        )
      engine.nudge(rt.id, direction)
      return c.json({ queued: true }, 202)
    },
  )

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/status',
      summary: 'Where everything stands',
      responses: { 200: json(anyObject, 'Status') },
    }),
    async (c) => c.json(await status(app), 200),
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/summary',
      summary: 'Records per entity, calls, open questions',
      responses: { 200: json(anyObject, 'Summary') },
    }),
    async (c) => c.json((await summarise(app)) as unknown as Record<string, unknown>, 200),
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/connections/{name}/writes',
      summary: 'Switch writing to a CRM on or off',
      request: {
        params: z.object({ name: z.string() }),
        body: { required: true, content: { 'application/json': { schema: z.object({ enabled: z.boolean() }) } } },
      },
      responses: { 200: json(anyObject, 'Done'), ...errors },
    }),
    async (c) => {
      const { name } = c.req.valid('param')
      const { enabled } = c.req.valid('json')
      if (!(await app.setWrites(name, enabled))) throw new ApiError(404, 'not_found', `there is no connection "${name}"`)
      return c.json({ name, writesEnabled: enabled }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/connections/{name}/watch',
      summary: "Whether what writes have replaced is looked up in the CRM's field history afterwards",
      request: {
        params: z.object({ name: z.string() }),
        body: { required: true, content: { 'application/json': { schema: z.strictObject({ enabled: z.boolean() }) } } },
      },
      responses: { 200: json(anyObject, 'Done'), ...errors },
    }),
    async (c) => {
      const { name } = c.req.valid('param')
      const { enabled } = c.req.valid('json')
      if (!(await inTx((tx) => setWatching(tx, name, enabled))))
        throw new ApiError(404, 'not_found', `there is no connection "${name}"`)
      return c.json({ name, watching: enabled }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/connections/{name}/users',
      summary: 'Say who a user is in a CRM where the e-mail addresses differ; null takes it back',
      request: {
        params: z.object({ name: z.string() }),
        body: {
          required: true,
          content: {
            'application/json': {
              schema: z.object({ email: z.email().toLowerCase(), there: z.email().toLowerCase().nullable() }),
            },
          },
        },
      },
      responses: { 200: json(anyObject, 'Done'), ...errors },
    }),
    async (c) => {
      const { name } = c.req.valid('param')
      const { email, there } = c.req.valid('json')
      if (!(await app.overrideUser(name, email, there)))
        throw new ApiError(404, 'not_found', `there is no connection "${name}", or nobody there has the e-mail address ${there}`)
      return c.json({ name, email, there }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/mappings',
      summary: 'The active mappings',
      responses: { 200: json(anyObject, 'Mappings') },
    }),
    (c) =>
      c.json(
        {
          mappings: engine.runtimes.flatMap((rt) =>
            rt.mappings.map((m) => ({ connection: rt.name, entity: m.entity, document: m.document })),
          ),
        },
        200,
      ),
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/mappings/schema',
      summary: 'JSON Schema of mapping documents',
      responses: { 200: json(anyObject, 'Schema') },
    }),
    (c) => c.json(mappingJsonSchema() as Record<string, unknown>, 200),
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/mappings:check',
      summary: 'Check a mapping document against the CRM it is for',
      request: { body: { required: true, content: { 'application/json': { schema: z.object({ yaml: z.string() }) } } } },
      responses: { 200: json(anyObject, 'Findings'), ...errors },
    }),
    async (c) => {
      let document: unknown
      try {
        document = parse(c.req.valid('json').yaml)
      } catch (error) {
        throw new ApiError(400, 'invalid_yaml', `the mapping is no YAML: ${(error as Error).message.split('\n')[0]}`)
      }
      return c.json({ findings: await checkMapping(app, document) }, 200)
    },
  )
  if (app.sandbox) {
    api.openapi(
      createRoute({
        method: 'get',
        path: '/api/v1/sandbox',
        summary: 'Addresses and tokens of the two local CRMs',
        responses: { 200: json(anyObject, 'Sandbox') },
      }),
      (c) => {
        const { salesforce: s, hubspot: h, controlUrl } = app.sandbox!.info
        return c.json(
          {
            salesforce: { instanceUrl: s.instanceUrl, loginUrl: s.loginUrl, accessToken: s.personToken },
            hubspot: { baseUrl: h.baseUrl, accessToken: h.personToken, clientSecret: h.clientSecret },
            controlUrl,
          },
          200,
        )
      },
    )
  }
}

/** Where everything stands: lanes, pauses, open questions. */
async function status(app: App) {
  const { engine } = app
  const lanes = await Promise.all(engine.runtimes.map((rt) => laneState(engine, rt)))
  const writes = new Map((await inTransaction(engine, queries.connectionNames)).map((c) => [c.name, c.writesEnabled]))
  const watching = new Map<string, boolean>()
  await inTransaction(engine, async (tx) => {
    for (const rt of engine.runtimes) watching.set(rt.id, await isWatching(tx, rt.id))
  })
  return inTransaction(engine, async (tx) => ({
    store: app.db.kind,
    queue: app.config.redisUrl ? 'redis' : app.db.kind,
    upSeconds: Math.round((Date.now() - app.startedAt) / 1000),
    firstSync: app.firstSyncDone ? 'done' : 'running',
    connections: engine.runtimes.map((rt) => ({
      name: rt.name,
      kind: rt.kind,
      sandbox: rt.sandbox,
      writesEnabled: writes.get(rt.name) ?? false,
      watching: watching.get(rt.id) ?? false,
      account: rt.account.name,
      calls: rt.budget.used,
      day: rt.budget.day ?? null,
    })),
    lanes,
    paused: await queries.pauses(tx),
    brakes: await attention.listBrakes(tx),
    ...(await queries.totals(tx)),
    records: await queries.entityCounts(tx),
    pending: await queries.pendingWrites(tx),
  }))
}
