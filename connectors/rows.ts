import { z } from 'zod'

/** What is wrong with a row of an answer: where in it, and how. */
export interface RowProblem {
  path: string[]
  message: string
}

/**
 * The schema of an answer's rows. A row is looked at in place by a plain function: zod visits and copies every
 * cell, which costs more than the rest of reading a page together.
 *
 * @param problemOf what makes an object no row, if anything.
 */
export const rowsOf = <Row>(problemOf: (row: Record<string, unknown>) => RowProblem | undefined) =>
  z.unknown().transform((value, context): Row[] => {
    if (!Array.isArray(value)) return refuse(context, { path: [], message: 'expected rows' })
    for (let i = 0; i < value.length; i++) {
      const problem = isObject(value[i]) ? problemOf(value[i]) : { path: [], message: 'expected an object' }
      if (problem) return refuse(context, { ...problem, path: [String(i), ...problem.path] })
    }
    return value
  })

/** The schema of an answer that is one row. */
export const rowOf = <Row>(problemOf: (row: Record<string, unknown>) => RowProblem | undefined) =>
  z.unknown().transform((value, context): Row => {
    const problem = isObject(value) ? problemOf(value) : { path: [], message: 'expected an object' }
    return problem ? refuse(context, problem) : (value as Row)
  })

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function refuse(context: z.RefinementCtx, problem: RowProblem): never {
  context.addIssue({ code: 'custom', ...problem })
  return z.NEVER
}
