import { z } from '@hono/zod-openapi'

/** What all routes share: the shapes of answers, and answers that are no success. */

export const problem = z
  .object({ error: z.object({ code: z.string(), message: z.string(), detail: z.unknown().optional() }) })
  .openapi('Problem')
export const anyObject = z.record(z.string(), z.unknown())
export const list = z.object({ items: z.array(anyObject), next: z.string().nullable() }).openapi('List')
export const json = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})
export const errors = { 400: json(problem, 'The request is wrong'), 404: json(problem, 'There is no such thing') }
export const page = z.object({
  cursor: z.uuid({ error: 'use the `next` of an earlier answer as cursor' }).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
})
export const id = z.object({ id: z.uuid() })
/** Text to search for: what no record can hold cannot be sought. */
export const text = z.string().refine((t) => t.isWellFormed() && !t.includes('\0'), 'it holds characters that are no text')

/** An answer that is no success. */
export class ApiError extends Error {
  readonly status: 400 | 401 | 404 | 409 | 412 | 413 | 422 | 503
  readonly code: string
  readonly detail: unknown
  constructor(status: ApiError['status'], code: string, message: string, detail?: unknown) {
    super(message)
    this.status = status
    this.code = code
    this.detail = detail
  }
}
