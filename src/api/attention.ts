import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { sql } from 'kysely'
import { entitySchema } from '../../mappings/model/model.ts'
import * as attention from '../../store/attention.ts'
import { dropDeadLetters } from '../../store/conflicts.ts'
import { rows } from '../../store/database.ts'
import { touchOutboxLinks } from '../../store/queues.ts'
import { inTransaction } from '../../sync/engine.ts'
import { decideFrozen } from '../../sync/frozen.ts'
import type { App } from '../app.ts'
import { ApiError, anyObject, errors, id, json, list, page, problem } from './respond.ts'

/** What a person looks after: reviews, dead letters, frozen records, brakes, runs. */
export function attentionRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const listing = (
    path: string,
    summary: string,
    query: z.ZodObject,
    read: (q: { cursor?: string | undefined; limit: number; [key: string]: unknown }) => Promise<Record<string, unknown>[]>,
  ) =>
    api.openapi(
      createRoute({
        method: 'get',
        path,
        summary,
        request: { query },
        responses: { 200: json(list, summary) },
      }),
      async (c) => {
        const q = c.req.valid('query') as { cursor?: string; limit: number }
        const found = await read(q)
        return c.json(
          {
            items: found,
            next: found.length === q.limit && 'id' in (found.at(-1) ?? {}) ? String(found.at(-1)!.id) : null,
          },
          200,
        )
      },
    )
  listing('/api/v1/dead-letters', 'Values that a CRM refused', page, (q) =>
    inTx((tx) => attention.listDeadLetters(tx, q.limit, q.cursor)),
  )
  listing('/api/v1/runs', 'Runs', page, (q) => inTx((tx) => attention.listRuns(tx, q.limit, q.cursor)))
  listing('/api/v1/findings', 'What mappings and CRMs do not agree on', page, () => inTx((tx) => attention.listFindings(tx)))
  listing('/api/v1/frozen', 'Records that wait for a person: delete or keep', page, (q) =>
    inTx((tx) => attention.listFrozen(tx, q.limit, q.cursor)),
  )
  listing('/api/v1/brakes', 'What waits for approval: deletes, clears, overwrites, and rows that seem to have left', page, () =>
    inTx((tx) => attention.listBrakes(tx)),
  )

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/brakes:approve',
      summary: 'Let what the brake holds go on: deletes, clears, overwrites, and rows that seem to have left',
      request: {
        body: {
          required: true,
          content: {
            'application/json': {
              schema: z.object({ connection: z.string().optional(), entity: entitySchema.optional() }),
            },
          },
        },
      },
      responses: { 200: json(z.object({ approved: z.number() }), 'How many') },
    }),
    async (c) => {
      const { connection, entity } = c.req.valid('json')
      const approved = await inTx((tx) => attention.approveBrakes(tx, connection, entity))
      app.nudgeWriters()
      return c.json({ approved }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/dead-letters/{id}/retry',
      summary: 'Send a refused value again',
      request: { params: id },
      responses: { 200: json(anyObject, 'Queued'), ...errors },
    }),
    async (c) => {
      const target = c.req.valid('param').id
      await inTx(async (tx) => {
        const [letter] = await rows(tx, sql<{ linkId: string }>`select link_id as "linkId" from dead_letter where id = ${target}`)
        if (!letter) throw new ApiError(404, 'not_found', `there is no dead letter ${target}`)
        await dropDeadLetters(tx, [target])
        await touchOutboxLinks(tx, [letter.linkId])
      })
      app.nudgeWriters()
      return c.json({ queued: true }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/records/{id}/decide',
      summary: 'Decide a frozen record: delete its rows everywhere, or keep it and give the sides that lost theirs a new one',
      request: {
        params: id,
        body: { required: true, content: { 'application/json': { schema: z.object({ decision: z.enum(['delete', 'keep']) }) } } },
      },
      responses: { 200: json(anyObject, 'Queued'), 409: json(problem, 'The record waits for no decision'), ...errors },
    }),
    async (c) => {
      const { decision } = c.req.valid('json')
      await inTx((tx) => decideFrozen(tx, engine, c.req.valid('param').id, decision))
      for (const rt of engine.runtimes) engine.nudge(rt.id, 'pull')
      app.nudgeWriters()
      return c.json({ decision, queued: true }, 200)
    },
  )
}
