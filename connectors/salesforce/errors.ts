import type { z } from 'zod'
import { CrmError, type CrmErrorDetail, type ErrorClass, networkError } from '../errors.ts'

/** Salesforce's error codes, classified. Codes: partner WSDL, StatusCode; recorded answers. */
const CLASSES: Record<string, ErrorClass> = {
  INVALID_SESSION_ID: 'auth_expired',
  INVALID_AUTH_HEADER: 'auth_expired',
  invalid_grant: 'no_access',
  REQUEST_LIMIT_EXCEEDED: 'quota_exhausted',
  CONCURRENT_REQUEST_LIMIT_EXCEEDED: 'rate_limited',
  TXN_SECURITY_METERING_ERROR: 'rate_limited',
  SERVER_UNAVAILABLE: 'unavailable',
  UNKNOWN_EXCEPTION: 'unavailable',
  SERVER_ERROR: 'unavailable',
  QUERY_TIMEOUT: 'unavailable',
  UNABLE_TO_LOCK_ROW: 'locked',
  ENTITY_IS_LOCKED: 'rejected',
  NOT_FOUND: 'not_found',
  ENTITY_IS_DELETED: 'deleted',
  MALFORMED_ID: 'not_found',
  DUPLICATE_VALUE: 'duplicate_value',
  DUPLICATE_EXTERNAL_ID: 'duplicate_value',
  DUPLICATES_DETECTED: 'duplicate_rule',
  INVALID_CROSS_REFERENCE_KEY: 'invalid_reference',
  INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY: 'invalid_reference',
  INACTIVE_OWNER_OR_USER: 'invalid_value',
  INVALID_FIELD: 'unknown_field',
  INVALID_FIELD_FOR_INSERT_UPDATE: 'unknown_field',
  INVALID_TYPE: 'unknown_field',
  INSUFFICIENT_ACCESS_OR_READONLY: 'forbidden',
  INSUFFICIENT_ACCESS: 'forbidden',
  API_DISABLED_FOR_ORG: 'no_access',
  API_CURRENTLY_DISABLED: 'no_access',
  REQUIRED_FIELD_MISSING: 'invalid_value',
  STRING_TOO_LONG: 'invalid_value',
  INVALID_EMAIL_ADDRESS: 'invalid_value',
  NUMBER_OUTSIDE_VALID_RANGE: 'invalid_value',
  INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: 'invalid_value',
  FIELD_CUSTOM_VALIDATION_EXCEPTION: 'invalid_value',
  FIELD_INTEGRITY_EXCEPTION: 'invalid_value',
  FIELD_FILTER_VALIDATION_EXCEPTION: 'invalid_value',
  JSON_PARSER_ERROR: 'invalid_value',
  INVALID_TYPE_ON_FIELD_IN_RECORD: 'invalid_value',
  PRECONDITION_FAILED: 'changed',
}

/** One entry of an error answer; the key is `errorCode` in answers, `statusCode` in collection results. */
export interface SalesforceErrorEntry {
  message: string
  errorCode?: string
  statusCode?: string
  fields?: string[]
  duplicateResult?: { matchResults?: { matchRecords?: { record?: { Id?: string } }[] }[] }
  /** Some real payloads spell it so. */
  duplicateResut?: SalesforceErrorEntry['duplicateResult']
}

/** Classifies one error entry. */
export function classify(entry: SalesforceErrorEntry, status?: number): CrmError {
  const code = entry.errorCode ?? entry.statusCode ?? 'UNKNOWN'
  const kind = CLASSES[code] ?? (status === 412 ? 'changed' : status && status >= 500 ? 'unavailable' : 'rejected')
  const detail: CrmErrorDetail = { code, status, ...(entry.fields?.length && { fields: entry.fields }) }
  const duplicate = entry.duplicateResult ?? entry.duplicateResut
  const existing =
    duplicate?.matchResults?.[0]?.matchRecords?.[0]?.record?.Id ?? /record with id: (\w{15,18})/.exec(entry.message)?.[1]
  if (existing) detail.existingId = existing
  // A field that a text error names: "Name: data value too large", "No such column 'X'".
  const column = /No such column '([^']+)'/.exec(entry.message)?.[1]
  if (column && !detail.fields) detail.fields = [column]
  return new CrmError(kind, `${code}: ${entry.message}`, detail)
}

/** Classifies what a call through jsforce threw. `sent` tells whether a write may have taken effect. */
export function fromThrown(error: unknown, status: number | undefined): CrmError {
  const e = error as { errorCode?: string; data?: unknown; name?: string; message?: string }
  const entries = Array.isArray(e.data) ? (e.data as SalesforceErrorEntry[]) : e.data ? [e.data as SalesforceErrorEntry] : []
  const [entry] = entries
  const code = e.errorCode?.replace(/^sf:/, '') ?? (e.name === 'invalid_grant' ? 'invalid_grant' : undefined)
  if (entry?.message || code)
    return classify({ ...entry, message: entry?.message ?? e.message ?? '', errorCode: entry?.errorCode ?? code! }, status)
  return networkError(error)
}

/** An answer that does not look as it should, e.g. because it was cut. */
export function undocumented(what: string, { issues: [issue] }: z.ZodError, kind: ErrorClass = 'unavailable'): CrmError {
  return new CrmError(kind, `${what}: the answer is not what Salesforce documents: ${issue?.path.join('.')} ${issue?.message}`)
}
