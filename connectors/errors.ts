import { isWrite, type Operation } from './connector.ts'

/**
 * The closed list of ways a CRM call fails. Connectors only classify; what follows (wait, retry, dead
 * letter, stop the lane) is decided by sync/.
 */
export const ERROR_CLASSES = {
  auth_expired: 'The access token is no longer valid; refresh it and repeat.',
  no_access: "The connection's credentials are refused, or the account's API is switched off. A person must connect again.",
  forbidden: 'The integration user lacks a permission or scope. A person must grant it.',
  rate_limited: 'Too many calls in a short time; wait and repeat.',
  quota_exhausted: "The day's allowance is used up; nothing is sent until it renews.",
  unavailable: 'The CRM did not take the request (5xx, refused, reset before sending); repeat later.',
  unknown_outcome: 'The request was sent and no answer came: it may or may not have taken effect.',
  not_found: 'The record does not exist.',
  deleted: 'The record was deleted or archived.',
  duplicate_value: 'A unique value is already on another record (`existingId` where the CRM tells).',
  duplicate_rule: "The CRM's own duplicate rule refused the record.",
  invalid_value: 'A field value is refused (`fields` names the fields).',
  invalid_reference: 'A lookup or association points to a record that does not exist.',
  unknown_field: 'A field does not exist or is not visible to the integration user.',
  locked: 'The record is locked for a moment; repeat.',
  changed: 'A conditional write found the record changed since it was read.',
  rejected: 'The CRM refused the record for a reason of its own; a person must look.',
} as const

export type ErrorClass = keyof typeof ERROR_CLASSES

/** Classes that pass by themselves: the same request may succeed later. */
const TRANSIENT: ReadonlySet<ErrorClass> = new Set(['auth_expired', 'rate_limited', 'unavailable', 'unknown_outcome', 'locked'])

export interface CrmErrorDetail {
  /** Field names the CRM blames. */
  fields?: string[] | undefined
  /** Ids the CRM blames (of the batch's inputs). */
  ids?: string[] | undefined
  /** The record that already has the unique value. */
  existingId?: string | undefined
  /** How long the CRM asks to wait. */
  retryAfterMs?: number | undefined
  status?: number | undefined
  /** The CRM's own code, for people. */
  code?: string | undefined
}

/**
 * A failure, classified. Thrown when a call failed as a whole; a value in a batch result when one record
 * failed.
 */
export class CrmError extends Error {
  override name = 'CrmError'
  readonly class: ErrorClass
  readonly detail: CrmErrorDetail

  constructor(kind: ErrorClass, message: string, detail: CrmErrorDetail = {}) {
    super(message)
    this.class = kind
    this.detail = detail
  }

  /** It says something of what was asked for, and nothing of the connection as such. */
  get aboutRequest(): boolean {
    return !this.transient && this.class !== 'quota_exhausted' && this.class !== 'no_access'
  }

  get transient(): boolean {
    return TRANSIENT.has(this.class)
  }
}

/** Statuses of a server or gateway that had taken the request, and may have carried it out. */
const TAKEN = new Set([500, 502, 504, 520, 524])

/** A write that broke inside the CRM, or behind a gateway, may have taken effect all the same. */
export function certain(error: CrmError, operation: Operation): CrmError {
  const { status } = error.detail
  if (error.class !== 'unavailable' || !isWrite(operation) || status === undefined || !TAKEN.has(status)) return error
  return new CrmError('unknown_outcome', error.message, error.detail)
}

/** Classifies what `fetch` throws. A request that may have been sent has an unknown outcome. */
export function networkError(error: unknown): CrmError {
  if (error instanceof CrmError) return error
  const cause = (error as { cause?: { code?: string } }).cause?.code ?? ''
  const name = (error as Error).name
  // Refused and unresolved hosts: nothing left this machine.
  if (['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'].includes(cause))
    return new CrmError('unavailable', `cannot connect: ${cause}`, { code: cause })
  if (name === 'TimeoutError' || error instanceof TypeError)
    return new CrmError('unknown_outcome', name === 'TimeoutError' ? 'no answer in time' : `connection lost: ${cause || error}`, {
      code: cause || name,
    })
  throw error
}
