import { isoTime } from '../../time.ts'
import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'

/** The form of batches: inputs and their limits, results and errors. */

export const MAX_BATCH = 100

export function limitBatch(inputs: unknown[], max = MAX_BATCH): void {
  if (!Array.isArray(inputs)) throw new HubspotError(400, 'VALIDATION_ERROR', 'Invalid input JSON on line 1: inputs is required')
  if (inputs.length > max)
    throw new HubspotError(
      400,
      'VALIDATION_ERROR',
      `The maximum number of inputs supported in a batch request for these APIs is ${max}. Received ${inputs.length}.`,
    )
}

export function uniqueIds(inputs: { id?: string }[]): void {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const { id } of inputs) {
    if (id !== undefined && seen.has(String(id))) twice.add(String(id))
    seen.add(String(id))
  }
  if (twice.size > 0)
    throw new HubspotError(
      400,
      'VALIDATION_ERROR',
      `Duplicate IDs found in batch input: [${[...twice].join(', ')}]. IDs must be unique`,
      { context: { ids: [...twice] } },
    )
}

export function batchAnswer(portal: Portal, results: unknown[], errors: unknown[] = []) {
  const now = isoTime(portal.clock.now())
  return {
    status: 'COMPLETE',
    results,
    ...(errors.length > 0 && {
      numErrors: errors.length,
      errors,
    }),
    startedAt: now,
    completedAt: now,
  }
}

/** The error of all ids of a batch that are not there. */
export const missing = (ids: string[], what: string) => ({
  status: 'error',
  category: 'OBJECT_NOT_FOUND',
  message: `Could not get some ${what} objects, they may be deleted or not exist. Check that ids are valid.`,
  context: { ids },
})
