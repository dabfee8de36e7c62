import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { entitySchema } from '../../mappings/model/model.ts'
import * as attention from '../../store/attention.ts'
import { applyTuning, tuneMatching } from '../../sync/duplicates/tune.ts'
import { inTransaction } from '../../sync/engine.ts'
import { settleMatch, settleMatches } from '../../sync/reviews.ts'
import type { App } from '../app.ts'
import { ApiError, anyObject, errors, id, json, list, page, problem } from './respond.ts'

/** Rows of which nobody can tell what they are, and records that may be one: look at them, say which. */
export function matchRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const readAgain = () => {
    for (const rt of engine.runtimes) engine.nudge(rt.id, 'pull')
  }

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/matches',
      summary: 'Possible duplicates and ambiguous links, for review',
      request: { query: page.extend({ state: z.string().optional() }) },
      responses: { 200: json(list, 'Matches') },
    }),
    async (c) => {
      const q = c.req.valid('query')
      const found = await inTx((tx) => attention.listMatches(tx, q.state, q.limit, q.cursor))
      return c.json({ items: found, next: found.length === q.limit ? String(found.at(-1)!.id) : null }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/matches/{id}',
      summary: 'One match with its explanation: the evidence that sums to the score, the keys, what would change the verdict',
      request: { params: id },
      responses: { 200: json(anyObject, 'The match'), ...errors },
    }),
    async (c) => {
      const found = await inTx((tx) => attention.findMatch(tx, c.req.valid('param').id))
      if (!found) throw new ApiError(404, 'not_found', `there is no match ${c.req.valid('param').id}`)
      return c.json(found, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/matches/{id}/accept',
      summary:
        'Say that the row is a record that was asked about: it is linked, or listed as a second row of it; or that records are one: they are merged',
      request: {
        params: id,
        body: { required: true, content: { 'application/json': { schema: z.object({ record: z.uuid().optional() }) } } },
      },
      responses: { 200: json(anyObject, 'Settled'), 409: json(problem, 'The answer does not fit the match'), ...errors },
    }),
    async (c) => {
      const { record } = c.req.valid('json')
      await inTx((tx) => settleMatch(tx, engine, c.req.valid('param').id, { same: record ?? true }))
      readAgain()
      return c.json({ settled: 1 }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/matches/{id}/reject',
      summary: 'Say that the row is none of the records that were asked about, or that records are not one',
      request: { params: id },
      responses: { 200: json(anyObject, 'Settled'), 409: json(problem, 'The match is settled'), ...errors },
    }),
    async (c) => {
      await inTx((tx) => settleMatch(tx, engine, c.req.valid('param').id, { different: true }))
      readAgain()
      return c.json({ settled: 1 }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/matches:settle',
      summary: 'Accept or reject all matches of an entity or a connection; what an answer does not fit is left',
      request: {
        body: {
          required: true,
          content: {
            'application/json': {
              schema: z.object({
                answer: z.enum(['accept', 'reject']),
                entity: entitySchema.optional(),
                connection: z.string().optional(),
              }),
            },
          },
        },
      },
      responses: { 200: json(z.object({ settled: z.number(), left: z.number() }), 'How many'), ...errors },
    }),
    async (c) => {
      const { answer, entity, connection } = c.req.valid('json')
      const rt = engine.runtimes.find((r) => r.name === connection)
      if (connection && !rt) throw new ApiError(404, 'not_found', `there is no connection ${connection}`)
      const done = { settled: 0, left: 0 }
      for (let after: string | undefined; ; ) {
        const part = await inTx((tx) =>
          settleMatches(
            tx,
            engine,
            { entity, connectionId: rt?.id, after },
            answer === 'accept' ? { same: true } : { different: true },
          ),
        )
        done.settled += part.settled
        done.left += part.left
        after = part.next
        if (after === undefined) break
      }
      readAgain()
      return c.json(done, 200)
    },
  )
  const tuning = {
    200: json(
      z.object({ kinds: z.array(anyObject), applied: z.boolean() }),
      'By kind: what the answers say, and what would change',
    ),
  }
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/matches:tune',
      summary: 'What the answers so far say about where the line between one thing and two is drawn; nothing is changed',
      responses: tuning,
    }),
    async (c) => c.json({ kinds: (await inTx(tuneMatching)).map((t) => ({ ...t })), applied: false }, 200),
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/matches:tune',
      summary: 'Draw the line as the answers suggest, from now on; what is listed stays as it is',
      responses: tuning,
    }),
    async (c) => c.json({ kinds: (await inTx(applyTuning)).map((t) => ({ ...t })), applied: true }, 200),
  )
}
