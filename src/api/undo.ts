import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import * as undos from '../../store/undo.ts'
import { EditRefused } from '../../sync/edit.ts'
import { inTransaction } from '../../sync/engine.ts'
import { planUndo } from '../../sync/undo/plan.ts'
import type { App } from '../app.ts'
import { ApiError, anyObject, errors, id, json, list, page, problem } from './respond.ts'

const OUTCOMES = ['planned', 'open', 'done', 'refused', 'kept'] as const satisfies undos.Outcome[]

/** What was written is taken back: planned, looked at, carried out. */
export function undoRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const conflict = { 409: json(problem, 'It cannot be done now') }
  const view = async (wanted: string) => {
    const found = await inTx((tx) => undos.findUndo(tx, wanted))
    if (!found)
      throw new ApiError(404, 'not_found', `there is no undo ${wanted}; an undo that was only planned is forgotten after a day`)
    return { ...found, totals: await inTx((tx) => undos.stepTotals(tx, wanted)) }
  }

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/undos',
      summary: 'Plan how the writes of a run, of a record or of a span of time are taken back; nothing is written',
      request: {
        body: {
          required: true,
          content: {
            'application/json': {
              schema: z
                .strictObject({
                  run: z.uuid().optional(),
                  record: z.uuid().optional(),
                  from: z.iso.datetime({ offset: true }).optional().describe('Writes sent at this time or later'),
                  to: z.iso.datetime({ offset: true }).optional().describe('Writes sent before this time'),
                })
                .refine((t) => Object.values(t).some((v) => v !== undefined), 'say which writes: run, record, from or to'),
            },
          },
        },
      },
      responses: { 201: json(anyObject, 'The plan'), ...conflict, ...errors },
    }),
    async (c) => c.json(await view(await planUndo(engine, c.req.valid('json'))), 201),
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/undos',
      summary: 'Undos that were carried out, the latest first',
      request: { query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }) },
      responses: { 200: json(anyObject, 'Undos') },
    }),
    async (c) => c.json({ items: await inTx((tx) => undos.listUndos(tx, c.req.valid('query').limit)) }, 200),
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/undos/{id}',
      summary: 'One undo: what it takes back, and what became of its steps',
      request: { params: id },
      responses: { 200: json(anyObject, 'The undo'), ...errors },
    }),
    async (c) => c.json(await view(c.req.valid('param').id), 200),
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/undos/{id}/steps',
      summary: 'The steps of an undo, row by row',
      request: { params: id, query: page.extend({ outcome: z.enum(OUTCOMES).optional() }) },
      responses: { 200: json(list, 'Steps'), ...errors },
    }),
    async (c) => {
      const q = c.req.valid('query')
      await view(c.req.valid('param').id)
      const items = await inTx((tx) => undos.listSteps(tx, c.req.valid('param').id, q))
      return c.json({ items, next: items.length === q.limit ? items.at(-1)!.linkId : null }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/undos/{id}/execute',
      summary: 'Carry a planned undo out, as it was shown',
      request: { params: id },
      responses: { 200: json(anyObject, 'The undo, under way'), ...conflict, ...errors },
    }),
    async (c) => {
      const wanted = c.req.valid('param').id
      await view(wanted)
      if (!(await inTx((tx) => undos.startUndo(tx, wanted))))
        throw new EditRefused('settled', `undo ${wanted} was carried out already; plan it once more to take back what is left`)
      for (const rt of engine.runtimes) engine.nudge(rt.id, 'push')
      return c.json(await view(wanted), 200)
    },
  )
}
