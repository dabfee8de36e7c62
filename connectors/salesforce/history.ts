import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import type { ObjectSchema } from '../../mappings/schema.ts'
import type { HistoryAnswer, HistoryRequest } from '../connector.ts'
import type { SalesforceClient } from './client.ts'
import { queryAnswer, quote } from './wire.ts'

/** Field history: rows of AccountHistory and its kin, for the fields that an admin has chosen to track. */

/** The object that holds another's history, and its column for the row. (Object Reference: History objects.) */
function historyObject(object: string): { name: string; parent: string } {
  if (object.endsWith('__c')) return { name: `${object.slice(0, -1)}History`, parent: 'ParentId' }
  return { name: object === 'Opportunity' ? 'OpportunityFieldHistory' : `${object}History`, parent: `${object}Id` }
}

const trackedAnswer = queryAnswer(z.array(z.looseObject({ QualifiedApiName: z.string() })))

/** Fields of an object whose changes are kept. */
export async function trackedFields(client: SalesforceClient, object: string): Promise<Set<string>> {
  const { body } = await client.query(
    'watch',
    `SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = ${quote(object)} AND IsFieldHistoryTracked = true`,
    trackedAnswer,
  )
  return new Set(body.records.map((f) => f.QualifiedApiName))
}

const wire = z.union([z.string(), z.number(), z.boolean(), z.null()])
const historyAnswer = queryAnswer(
  z.array(z.looseObject({ Field: z.string(), CreatedById: z.string(), CreatedDate: z.string(), OldValue: wire, NewValue: wire })),
)

/** Salesforce writes a look-up down twice, by name and by id. */
const ID = /^[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?$/

export async function history(
  client: SalesforceClient,
  request: HistoryRequest,
  tracked: ReadonlySet<string>,
  schema: ObjectSchema | undefined,
): Promise<HistoryAnswer> {
  const { object, ids, columns, since } = request
  // Of long text it is only kept that it was changed.
  const told = new Set(
    [...tracked].filter((c) => !(schema?.fields[c]?.type === 'textarea' && (schema.fields[c].length ?? 0) > 255)),
  )
  // A field that is tracked and hidden just now has a history that nobody shows.
  const wanted = columns.filter((c) => told.has(c) && schema?.fields[c])
  const rows: HistoryAnswer['rows'] = new Map(ids.map((id) => [id, new Map(wanted.map((c) => [c, []]))]))
  if (wanted.length === 0) return { tracked: told, rows }
  const { name, parent } = historyObject(object)
  const { body } = await client.query(
    'watch',
    `SELECT ${parent}, Field, OldValue, NewValue, CreatedById, CreatedDate FROM ${name} WHERE ${parent} IN (${ids.map(quote).join(',')}) AND CreatedDate >= ${new Date(since).toISOString()} ORDER BY CreatedDate DESC, Id DESC`,
    historyAnswer,
  )
  for (const row of body.records) {
    const column = wanted.find((c) => isFor(row.Field, c))
    const of = rows.get(String(row[parent]))
    if (!column || !of) continue
    const isReference = Boolean(schema?.fields[column]?.references)
    if (isReference && ![row.OldValue, row.NewValue].every((v) => v === null || ID.test(String(v)))) continue
    of.get(column)!.push({
      value: row.NewValue as Json,
      from: row.OldValue as Json,
      at: Date.parse(row.CreatedDate.replace('+0000', 'Z')),
      by: row.CreatedById,
      through: '',
    })
  }
  return { tracked: told, rows }
}

/** History rows call a look-up without its `Id`, and some a name `TextName`. */
const isFor = (field: string, column: string): boolean =>
  field === column || `${field}Id` === column || (field === 'TextName' && column === 'Name')
