import type { Stage } from './stage.ts'

/** Steps and requests that the tables of Salesforce are made of. */

export const DATA = '/services/data/v60.0'

export const get = (path: string) => ({ request: { method: 'GET', path } })
export const post = (path: string, body?: unknown) => ({ request: { method: 'POST', path, body } })
export const patch = (path: string, body: unknown) => ({ request: { method: 'PATCH', path, body } })
export const query = (soql: string, version = 'v60.0') => get(`/services/data/${version}/query?q=${encodeURIComponent(soql)}`)

export const hide =
  (object: string, ...hidden: string[]) =>
  (stage: Stage) =>
    stage.control('/salesforce/fields', { object, hidden })
export const fields =
  (object: string, ...lines: string[]) =>
  (stage: Stage) =>
    stage.control('/salesforce/fields', { object, lines })
export const row = (object: string, id: string, values: Record<string, unknown>) => (stage: Stage) =>
  stage.control('/salesforce/rows', { object, id, values })
export const all =
  (...steps: ((stage: Stage) => Promise<unknown>)[]) =>
  async (stage: Stage) => {
    for (const step of steps) await step(stage)
  }
