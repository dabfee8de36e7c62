import { z } from 'zod'
import { CrmError, type CrmErrorDetail, type ErrorClass } from '../errors.ts'

/** The error body; every key is optional in practice. */
export const errorBody = z.looseObject({
  message: z.string().optional(),
  category: z.string().optional(),
  subCategory: z.unknown().optional(),
  policyName: z.string().optional(),
  context: z.record(z.string(), z.array(z.string())).optional(),
  errors: z
    .array(
      z.looseObject({
        message: z.string().optional(),
        code: z.string().optional(),
        context: z.record(z.string(), z.array(z.string())).optional(),
      }),
    )
    .optional(),
})
export type HubspotErrorBody = z.infer<typeof errorBody>

/** Statuses of HubSpot's documentation that mean: pause and repeat. */
const PAUSE = new Set([500, 502, 503, 504, 521, 522, 523, 524])

/** Classifies an error answer, or one entry of a 207 answer. */
export function classify(status: number, body: unknown, headers: Record<string, string> = {}): CrmError {
  const parsed = errorBody.safeParse(body)
  const e: HubspotErrorBody = parsed.success
    ? parsed.data
    : { message: typeof body === 'string' ? body.slice(0, 200) : undefined }
  const fields = [...new Set((e.errors ?? []).flatMap((x) => x.context?.propertyName ?? []))]
  // The message of a validation error holds its list as JSON, also where `errors` is missing (207).
  const named = fields.length > 0 ? fields : [...(e.message ?? '').matchAll(/"name":"(\w+)"/g)].map((m) => m[1]!)
  const existing =
    e.context?.existingId?.[0] ??
    e.errors?.flatMap((x) => x.context?.existingId ?? [])[0] ??
    /Existing ID: (\d+)/.exec(e.message ?? '')?.[1] ??
    /(\d+) already has that value/.exec(e.message ?? '')?.[1]
  const detail: CrmErrorDetail = {
    status,
    code: e.category ?? e.errors?.[0]?.code,
    ...(named.length > 0 && { fields: [...new Set(named)] }),
    ...(existing && { existingId: existing }),
    ...(e.context?.ids && { ids: e.context.ids }),
  }
  const retryAfter = Number(headers['retry-after'])
  if (retryAfter > 0) detail.retryAfterMs = retryAfter * 1000
  return new CrmError(classOf(status, e, detail), e.message ?? `HTTP ${status}`, detail)
}

function classOf(status: number, e: HubspotErrorBody, detail: CrmErrorDetail): ErrorClass {
  const message = e.message ?? ''
  if (status === 401) return 'auth_expired'
  if (status === 403) return 'forbidden'
  if (status === 429) {
    if (e.policyName === 'DAILY') return 'quota_exhausted'
    // A rolling window of ten seconds; the search limit is per second and says so only in its text.
    detail.retryAfterMs ??= /secondly limit/i.test(message) && !/ten/i.test(message) ? 1_000 : 10_000
    return 'rate_limited'
  }
  if (status === 423) {
    detail.retryAfterMs ??= 2_000
    return 'locked'
  }
  if (status === 477) return 'unavailable'
  if (PAUSE.has(status)) return 'unavailable'
  if (status === 404 || e.category === 'OBJECT_NOT_FOUND') return 'not_found'
  if (status === 409 || e.category === 'CONFLICT' || detail.existingId) return 'duplicate_value'
  const codes = (e.errors ?? []).map((x) => x.code)
  if (codes.includes('PROPERTY_DOESNT_EXIST') || /PROPERTY_DOESNT_EXIST/.test(message)) return 'unknown_field'
  if (/ids do not exist|association/i.test(message)) return 'invalid_reference'
  if (e.category === 'VALIDATION_ERROR' || status === 400) return 'invalid_value'
  return 'rejected'
}
