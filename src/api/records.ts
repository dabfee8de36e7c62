import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { acceptFields } from '../../mappings/model/accept.ts'
import { type Entity, entitySchema } from '../../mappings/model/model.ts'
import type { Value } from '../../mappings/model/value.ts'
import * as queries from '../../store/queries.ts'
import { createRecord, deleteRecord, EditRefused, editRecord } from '../../sync/edit.ts'
import { inTransaction } from '../../sync/engine.ts'
import type { App } from '../app.ts'
import { ApiError, anyObject, errors, id, json, list, page, problem, text } from './respond.ts'
import { projectRecord } from './view.ts'

/** Canonical records: read, search, edit; an edit is a change like any other and takes the same merge path. */
export function recordRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const entityFields = (entity: Entity, fields: Record<string, unknown>): Record<string, Value> => {
    const accepted = acceptFields(entity, fields)
    if ('refused' in accepted) throw new ApiError(400, 'invalid_field', accepted.refused)
    return accepted.values
  }
  const version = (c: Context) => {
    const header = c.req.header('if-match')
    if (header === undefined) return undefined
    const n = Number(header.replace(/^W\//, '').replaceAll('"', ''))
    if (!Number.isInteger(n)) throw new ApiError(400, 'invalid_version', "If-Match holds the record's version, a whole number")
    return n
  }

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/records',
      summary: 'Records, with search',
      request: { query: page.extend({ entity: entitySchema.optional(), q: text.optional() }) },
      responses: { 200: json(list, 'Records') },
    }),
    async (c) => {
      const { entity, q, cursor, limit } = c.req.valid('query')
      const found = await inTx((tx) => queries.listRecords(tx, { entity, q, cursor, limit }))
      return c.json({ items: found.map((r) => projectRecord(r)), next: found.length === limit ? found.at(-1)!.id : null }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/records',
      summary: 'Create a record; the CRMs follow',
      request: {
        body: {
          required: true,
          content: { 'application/json': { schema: z.strictObject({ entity: entitySchema, fields: anyObject }) } },
        },
      },
      responses: { 201: json(anyObject, 'The record'), ...errors },
    }),
    async (c) => {
      const { entity, fields } = c.req.valid('json')
      const values = entityFields(entity, fields)
      const made = await inTx(async (tx) => (await queries.findRecord(tx, await createRecord(tx, engine, entity, values)))!)
      app.nudgeWriters()
      return c.json(projectRecord(made), 201)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/records:batch',
      summary: 'Up to 500 creates and edits, each with its own result',
      request: {
        body: {
          required: true,
          content: {
            'application/json': {
              schema: z.object({
                operations: z
                  .array(
                    z.strictObject({
                      op: z.enum(['create', 'update', 'delete']),
                      id: z.uuid().optional(),
                      entity: entitySchema.optional(),
                      version: z.number().int().optional(),
                      fields: anyObject.optional(),
                    }),
                  )
                  .max(500),
              }),
            },
          },
        },
      },
      responses: {
        200: json(z.object({ results: z.array(anyObject) }), 'One result per operation, in order'),
        ...errors,
      },
    }),
    async (c) => {
      const results: Record<string, unknown>[] = []
      for (const [index, op] of c.req.valid('json').operations.entries()) {
        try {
          results.push(
            await inTx(async (tx) => {
              if (op.op === 'create')
                return {
                  index,
                  ok: true,
                  id: await createRecord(tx, engine, required(op.entity, 'entity'), entityFields(op.entity!, op.fields ?? {})),
                }
              const target = required(op.id, 'id')
              if (op.op === 'delete') {
                await deleteRecord(tx, target, op.version)
                return { index, ok: true, id: target }
              }
              const record = await queries.findRecord(tx, target)
              if (!record) throw new EditRefused('not_found', `there is no record ${target}`)
              return {
                index,
                ok: true,
                id: target,
                version: await editRecord(tx, target, op.version, entityFields(record.entity as Entity, op.fields ?? {})),
              }
            }),
          )
        } catch (error) {
          if (!(error instanceof ApiError || error instanceof EditRefused)) throw error
          results.push({ index, ok: false, error: { code: error.code, message: error.message } })
        }
      }
      app.nudgeWriters()
      return c.json({ results }, 200)
    },
  )
  const required = <T>(value: T | undefined, name: string): T => {
    if (value === undefined) throw new ApiError(400, 'invalid_request', `${name} is missing`)
    return value
  }
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/records/{id}',
      summary: 'One record with its links and whether each field agrees',
      request: { params: id },
      responses: { 200: json(anyObject, 'The record'), ...errors },
    }),
    async (c) => {
      const { id: wanted } = c.req.valid('param')
      const found = await inTx(async (tx) => {
        const target = (await queries.redirectOf(tx, wanted)) ?? wanted
        const record = await queries.findRecord(tx, target)
        const writes = (connection: string, field: string) =>
          app
            .runtime(connection)
            ?.mappings.find((m) => m.entity === record?.entity)
            ?.byName.get(field)?.writes ?? true
        return record && projectRecord(record, await queries.linksView(tx, target), writes)
      })
      if (!found) throw new ApiError(404, 'not_found', `there is no record ${wanted}`)
      return c.json(found, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'patch',
      path: '/api/v1/records/{id}',
      summary: 'Edit fields; If-Match: version refuses a stale edit',
      request: {
        params: id,
        body: { required: true, content: { 'application/json': { schema: z.strictObject({ fields: anyObject }) } } },
      },
      responses: {
        200: json(anyObject, 'The record'),
        412: json(problem, 'The record has changed; its present values are in detail'),
        ...errors,
      },
    }),
    async (c) => {
      const { id: target } = c.req.valid('param')
      const record = await inTx(async (tx) => {
        const present = await queries.findRecord(tx, target)
        if (!present) throw new EditRefused('not_found', `there is no record ${target}`)
        await editRecord(tx, target, version(c), entityFields(present.entity as Entity, c.req.valid('json').fields))
        return (await queries.findRecord(tx, target))!
      })
      app.nudgeWriters()
      return c.json(projectRecord(record), 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'delete',
      path: '/api/v1/records/{id}',
      summary: 'Delete a record and, by policy, its rows in the CRMs',
      request: { params: id },
      responses: { 204: { description: 'Deleted' }, ...errors },
    }),
    async (c) => {
      await inTx((tx) => deleteRecord(tx, c.req.valid('param').id, version(c)))
      app.nudgeWriters()
      return c.body(null, 204)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/records/{id}/journal',
      summary: 'Every change of a record and every write made for it',
      request: {
        params: id,
        query: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(100),
          before: z.coerce.number().optional(),
        }),
      },
      responses: { 200: json(anyObject, 'The journal'), ...errors },
    }),
    async (c) => {
      const { id: target } = c.req.valid('param')
      const { limit, before } = c.req.valid('query')
      return c.json(
        await inTx(async (tx) => ({
          changes: await queries.journalOf(tx, target, limit, before),
          writes: await queries.writesOf(tx, target, limit),
        })),
        200,
      )
    },
  )
}
