import { randomUUID } from 'node:crypto'
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { lastVerification, listVerifications } from '../../store/verifications.ts'
import { inTransaction } from '../../sync/engine.ts'
import { repair } from '../../sync/verify/repair.ts'
import { VerifyBusy, verify, verifySample } from '../../sync/verify/verify.ts'
import type { App } from '../app.ts'
import { ApiError, anyObject, errors, json, problem } from './respond.ts'

/** Whether the systems agree: proved completely, or by a sample; over time; and put right where it is safe. */
export function verifyRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/verify',
      summary: 'The last complete verification',
      responses: { 200: json(anyObject, 'Verification'), ...errors },
    }),
    async (c) => {
      const last = await inTransaction(engine, lastVerification)
      if (!last) throw new ApiError(404, 'not_found', 'nothing has been verified yet; POST /api/v1/verify does it')
      return c.json({ at: last.at, ...last.summary, differences_: last.differences }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/verify/history',
      summary: 'Complete verifications over time, the latest first',
      request: { query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(30) }) },
      responses: { 200: json(anyObject, 'Verifications') },
    }),
    async (c) => {
      const { limit } = c.req.valid('query')
      const found = await inTransaction(engine, (tx) => listVerifications(tx, limit))
      return c.json({ items: found.map(({ id, at, summary }) => ({ id, at, ...summary })) }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/verify',
      summary: 'Read both CRMs and compare: everything, or a sample; `repair` queues what may put differences right',
      request: {
        body: {
          content: {
            'application/json': {
              schema: z.strictObject({
                sample: z.number().int().positive().max(100_000).optional().describe('Rows of each connection'),
                seed: z.string().optional().describe('The same seed draws the same rows'),
                repair: z.boolean().default(false),
                calls: z
                  .number()
                  .int()
                  .positive()
                  .optional()
                  .describe('It rests after so many calls, and goes on there the next time'),
                anew: z.boolean().default(false).describe('Begins anew instead of going on with what was not finished'),
              }),
            },
          },
        },
      },
      responses: {
        200: json(anyObject, 'Verification'),
        409: json(problem, 'Somebody else verifies just now'),
        503: json(problem, 'No CRM is connected'),
        ...errors,
      },
    }),
    async (c) => {
      if (engine.runtimes.length === 0) throw new ApiError(503, 'no_connection', 'no CRM is connected in this process')
      // Without a body there is nothing to validate, and nothing but the defaults.
      const { sample, seed = randomUUID(), repair: wanted = false, calls, anew } = c.req.valid('json')
      if (sample === undefined) {
        const { list, queued, ...summary } = await verify(engine, { repair: wanted, calls, anew }).catch((error) => {
          throw error instanceof VerifyBusy ? new ApiError(409, 'busy', error.message) : error
        })
        return c.json({ ...summary, list, ...(wanted && { queued }) }, 200)
      }
      const { list, ...summary } = await verifySample(engine, sample, seed)
      return c.json({ ...summary, list, ...(wanted && { queued: await repair(engine, list) }) }, 200)
    },
  )
}
