import type { BatchSizes } from '../connector.ts'

/**
 * Most rows of one call: a query page has 2,000 rows, sObject Collections take 200 (REST API Developer Guide);
 * the ids of a read go into the URL, which may have 16,384 bytes with its headers: room for about 500.
 */
export const BATCH: BatchSizes = {
  list: 2000,
  readByIds: 500,
  associations: 2000,
  find: 200,
  create: 200,
  update: 200,
  remove: 200,
  associate: 200,
  changes: 5,
  history: 500,
}
