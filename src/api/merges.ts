import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { acceptFields } from '../../mappings/model/accept.ts'
import type { Entity } from '../../mappings/model/model.ts'
import type { Value } from '../../mappings/model/value.ts'
import * as merges from '../../store/merges.ts'
import * as queries from '../../store/queries.ts'
import { EditRefused } from '../../sync/edit.ts'
import { inTransaction } from '../../sync/engine.ts'
import { mergeInCrm } from '../../sync/golden/in-crm.ts'
import { mergeInto, previewMerge, undoMerge } from '../../sync/golden/merge.ts'
import type { Survivors } from '../../sync/golden/survivorship.ts'
import type { App } from '../app.ts'
import { ApiError, anyObject, errors, id, json, list, page, problem } from './respond.ts'

/** Two records that are one thing: what they would become, making them one, taking that back. */
export function mergeRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const body = <S extends z.ZodType>(schema: S) => ({ required: true, content: { 'application/json': { schema } } })
  const conflict = { 409: json(problem, 'It cannot be done as things stand') }
  const survivorship = z.union([
    z.enum(['first', 'recent', 'complete', 'longest']),
    z.strictObject({ source: z.array(z.string()).min(1) }),
  ])
  const wanted = z.strictObject({
    other: z.uuid().describe('The record that goes; the one in the path stays'),
    rules: z
      .record(z.string(), survivorship)
      .default({})
      .describe('Whose value a field keeps, by field; `default` for the others'),
    values: anyObject.default({}).describe('Values that a person gives'),
    by: z.string().min(1).max(200).default('api'),
  })
  const choiceOf = async (
    recordId: string,
    { rules, values }: Pick<z.output<typeof wanted>, 'rules' | 'values'>,
  ): Promise<Survivors> => {
    const record = await inTx((tx) => queries.findRecord(tx, recordId))
    if (!record) throw new EditRefused('not_found', `there is no record ${recordId}`)
    const accepted = acceptFields(record.entity as Entity, values)
    if ('refused' in accepted) throw new ApiError(400, 'invalid_field', accepted.refused)
    return { rules: { default: 'first', ...rules }, manual: accepted.values as Record<string, Value> }
  }

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/records/{id}/merge:preview',
      summary: 'What the record would be with another one merged into it; nothing is changed',
      request: { params: id, body: body(wanted) },
      responses: {
        200: json(anyObject, 'Fields with where each comes from, rows, and what could be merged in the CRMs'),
        ...conflict,
        ...errors,
      },
    }),
    async (c) => {
      const [stays, asked] = [c.req.valid('param').id, c.req.valid('json')]
      const choice = await choiceOf(stays, asked)
      return c.json({ ...(await inTx((tx) => previewMerge(tx, engine, stays, asked.other, choice))) }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/records/{id}/merge',
      summary: 'Merge another record into this one; it can be taken back',
      request: { params: id, body: body(wanted) },
      responses: { 200: json(anyObject, 'The id by which it is taken back'), ...conflict, ...errors },
    }),
    async (c) => {
      const [survivorId, asked] = [c.req.valid('param').id, c.req.valid('json')]
      const choice = await choiceOf(survivorId, asked)
      const merge = await inTx((tx) => mergeInto(tx, engine, { survivorId, otherId: asked.other, by: asked.by, choice }))
      app.nudgeWriters()
      return c.json({ merge }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/merges',
      summary: 'Records that people have merged',
      request: { query: page },
      responses: { 200: json(list, 'Merges') },
    }),
    async (c) => {
      const q = c.req.valid('query')
      const items = await inTx((tx) => merges.listMerges(tx, q))
      return c.json({ items, next: items.length === q.limit ? String(items.at(-1)!.id) : null }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/merges/{id}/undo',
      summary: 'Take a merge back: both records as they were; what was changed since stays and is listed',
      request: { params: id },
      responses: { 200: json(anyObject, 'What was left'), ...conflict, ...errors },
    }),
    async (c) => {
      const done = await inTx((tx) => undoMerge(tx, c.req.valid('param').id))
      app.nudgeWriters()
      return c.json({ ...done }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/records/{id}/merge-in-crm',
      summary: 'Merge the rows that are listed as duplicates of the record in their CRM as well. No CRM can take that back',
      request: {
        params: id,
        body: body(
          z.strictObject({
            connection: z.string(),
            confirm: z.string().describe('The id of the row that goes: it is asked for by name, since it cannot be taken back'),
          }),
        ),
      },
      responses: { 200: json(anyObject, 'What was merged'), ...conflict, ...errors },
    }),
    async (c) => {
      const { connection, confirm } = c.req.valid('json')
      const rt = app.runtime(connection)
      if (!rt) throw new ApiError(404, 'not_found', `there is no connection ${connection}`)
      const done = await mergeInCrm(engine, rt, c.req.valid('param').id, confirm)
      engine.nudge(rt.id, 'pull')
      return c.json({ ...done }, 200)
    },
  )
}
