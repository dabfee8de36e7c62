import type { BatchSizes } from '../connector.ts'

/** Most rows of one call, as HubSpot's API pages give them (CRM objects v3, associations v4). */
export const BATCH: BatchSizes = {
  list: 100,
  readByIds: 100,
  associations: 1000,
  find: 100,
  create: 100,
  update: 100,
  remove: 100,
  associate: 1000,
  changes: 1,
  history: 50,
}

/** Most results of one page of a search. */
export const SEARCH_PAGE = 200
