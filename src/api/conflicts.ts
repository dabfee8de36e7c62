import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { policySchema } from '../../mappings/mapping.ts'
import { acceptFields } from '../../mappings/model/accept.ts'
import { type Entity, entitySchema } from '../../mappings/model/model.ts'
import type { Value } from '../../mappings/model/value.ts'
import * as attention from '../../store/attention.ts'
import * as conflicts from '../../store/conflicts.ts'
import { inTransaction } from '../../sync/engine.ts'
import { type Answer, type Ask, type Choice, decideAlways, resolveConflicts } from '../../sync/resolve.ts'
import type { App } from '../app.ts'
import { ApiError, anyObject, errors, id, json, list, page, problem } from './respond.ts'

/** Fields that two sides changed to different values: look at them, settle them. */
export function conflictRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const about = { entity: entitySchema.optional(), field: z.string().optional() }

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/conflicts',
      summary: 'Conflicts, with base and sides',
      request: { query: page.extend({ state: z.enum(['open', 'settled']).default('open'), ...about }) },
      responses: { 200: json(list, 'Conflicts') },
    }),
    async (c) => {
      const q = c.req.valid('query')
      const found = await inTx((tx) => attention.listConflicts(tx, q))
      return c.json({ items: found, next: found.length === q.limit ? String(found.at(-1)!.id) : null }, 200)
    },
  )
  const conflict = (wanted: string) => inTx((tx) => attention.findConflict(tx, wanted))
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/conflicts/{id}',
      summary: 'One conflict',
      request: { params: id },
      responses: { 200: json(anyObject, 'The conflict'), ...errors },
    }),
    async (c) => {
      const found = await conflict(c.req.valid('param').id)
      if (!found) throw new ApiError(404, 'not_found', `there is no conflict ${c.req.valid('param').id}`)
      return c.json(found, 200)
    },
  )

  const choice = {
    keep: z.string().optional().describe('The side that is kept: `record`, or the name of a connection'),
    value: z.unknown().optional().describe('Instead of a side: the value that both get'),
  }
  /** What was chosen, with the value checked against the model. */
  const chosen = (given: { keep?: string | undefined; value?: unknown }, entity: string, field: string): Choice => {
    const byValue = 'value' in given && given.value !== undefined
    if ((given.keep === undefined) === !byValue)
      throw new ApiError(400, 'invalid_choice', 'say either which side to keep, or a value')
    if (given.keep !== undefined) return { keep: given.keep }
    const accepted = acceptFields(entity as Entity, { [field]: given.value })
    if ('refused' in accepted) throw new ApiError(400, 'invalid_field', accepted.refused)
    return { value: accepted.values[field] as Value }
  }

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/conflicts/{id}/resolve',
      summary: 'Settle a conflict: keep a side or give a value; `rev` says which state of it was looked at',
      request: {
        params: id,
        body: {
          required: true,
          content: { 'application/json': { schema: z.strictObject({ rev: z.number().int(), ...choice }) } },
        },
      },
      responses: {
        200: json(anyObject, 'Settled'),
        409: json(problem, 'It is settled already, or a write is under way'),
        412: json(problem, 'A side has changed since; the present values are in detail'),
        ...errors,
      },
    }),
    async (c) => {
      const wanted = c.req.valid('param').id
      const { rev, ...given } = c.req.valid('json')
      const found = await conflict(wanted)
      if (!found) throw new ApiError(404, 'not_found', `there is no conflict ${wanted}`)
      const [answer] = await resolveConflicts(engine, [
        { id: wanted, rev, choice: chosen(given, String(found.entity), String(found.field)) },
      ])
      if (!answer!.ok) throw answer!.error
      return c.json(outcome(answer!), 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/conflicts:resolve',
      summary: 'Settle many conflicts in one way: those of an entity, a field, or both; each has its own result',
      request: {
        body: {
          required: true,
          content: { 'application/json': { schema: z.strictObject({ ...about, ...choice }) } },
        },
      },
      responses: { 200: json(anyObject, 'One result per conflict'), ...errors },
    }),
    async (c) => {
      const { entity, field, ...given } = c.req.valid('json')
      if (given.value !== undefined && (!entity || !field))
        throw new ApiError(400, 'invalid_choice', 'a value can be given to the conflicts of one field: say entity and field')
      const wanted = chosen(given, entity ?? 'account', field ?? 'name')
      const open = await inTx((tx) => conflicts.openConflictsWhere(tx, { entity, field }))
      const asks: Ask[] = open.map((o) => ({ ...o, choice: wanted }))
      return c.json(results(await resolveConflicts(engine, asks)), 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/conflicts:always',
      summary: 'From now on a policy decides about a field; its open conflicts are settled by it',
      request: {
        body: {
          required: true,
          content: {
            'application/json': { schema: z.strictObject({ entity: entitySchema, field: z.string(), policy: policySchema }) },
          },
        },
      },
      responses: { 200: json(anyObject, 'One result per conflict that was open'), ...errors },
    }),
    async (c) => {
      const { entity, field, policy } = c.req.valid('json')
      return c.json(results(await decideAlways(engine, entity, field, policy)), 200)
    },
  )
}

const outcome = (a: Answer): Record<string, unknown> =>
  a.ok ? { ...a } : { id: a.id, ok: false, error: { code: a.error.code, message: a.error.message } }

const results = (answers: Answer[]) => ({
  resolved: answers.filter((a) => a.ok).length,
  refused: answers.filter((a) => !a.ok).length,
  results: answers.map(outcome),
})
