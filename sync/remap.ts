import { CrmError } from '../connectors/errors.ts'
import { fieldMapping, type MappingDocument, mappingSchema, type Policy } from '../mappings/mapping.ts'
import type { Entity } from '../mappings/model/model.ts'
import { type Json, same } from '../mappings/model/value.ts'
import type { ObjectSchema } from '../mappings/schema.ts'
import { dropFinding, dropFindings, type Finding, putFindings } from '../store/conflicts.ts'
import type { Tx } from '../store/database.ts'
import * as lanes from '../store/lanes.ts'
import { activateMapping, activeMappings, activeVersions } from '../store/mappings.ts'
import * as queues from '../store/queues.ts'
import { type Engine, inTransaction } from './engine.ts'
import { compileDocuments, mappingOf, type Runtime } from './runtime.ts'

/** Mapping documents change while the engine runs, in this process or in another. */

/** Puts the active documents to work, where they are others than those at work. */
export async function refreshMappings(engine: Engine, rt: Runtime): Promise<void> {
  const versions = await inTransaction(engine, (tx) => activeVersions(tx, rt.id))
  if (versions === rt.versions) return
  const documents = await inTransaction(engine, async (tx) =>
    (await activeMappings(tx, rt.id)).map((m) => mappingSchema.parse(m.document)),
  )
  // What changed may name fields that were made since the object was described.
  const changed = documents.filter((d) => !same(asJson(d), asJson(mappingOf(rt, d.entity)?.document ?? null)))
  for (const object of new Set(changed.map((d) => d.object))) {
    try {
      rt.schemas.set(object, await rt.connector.describe(object))
    } catch (error) {
      // An object that this account does not have is not synced here.
      if (!(error instanceof CrmError) || !error.aboutRequest) throw error
    }
  }
  Object.assign(rt, compileDocuments(documents, rt.schemas), { versions })
}

/** How a CRM's objects look now: fields come, go, are hidden and shown again. */
export async function redescribe(
  engine: Engine,
  rt: Runtime,
  objects: readonly string[] = [...rt.schemas.keys()],
): Promise<void> {
  const before = new Map(rt.schemas)
  const gone: Finding[] = []
  for (const object of objects) {
    try {
      rt.schemas.set(object, await rt.connector.describe(object))
    } catch (error) {
      if (!(error instanceof CrmError) || !error.aboutRequest) throw error
      rt.schemas.delete(object)
      gone.push({
        code: 'object_missing',
        subject: object,
        message: `${rt.name} has no ${object} any more, or the integration user cannot see it: ${error.message}`,
        count: 1,
      })
    }
  }
  const changed = objects.filter((o) => !same(asJson(before.get(o) ?? null), asJson(rt.schemas.get(o) ?? null)))
  if (changed.length === 0) return
  const documents = await inTransaction(engine, async (tx) =>
    (await activeMappings(tx, rt.id)).map((m) => mappingSchema.parse(m.document)),
  )
  // A column that a filter needs has gone: its object rests as it was until the column is there again.
  const lacks = (o: string) =>
    documents.some(
      (d) => d.object === o && d.filter.some((c) => before.get(o)?.fields[c.field] && !rt.schemas.get(o)?.fields[c.field]),
    )
  const suspended = changed.filter((o) => rt.schemas.has(o) && lacks(o))
  for (const o of suspended) rt.schemas.set(o, before.get(o)!)
  rt.suspended = [...new Set([...rt.suspended.filter((o) => !changed.includes(o)), ...suspended])]
  rt.absent = [...new Set(documents.map((d) => d.object).filter((o) => !rt.schemas.has(o)))]
  const atWork = documents.filter((d) => !rt.suspended.includes(d.object))
  const seen = (schemas: ReadonlyMap<string, ObjectSchema>) =>
    new Set(compileDocuments(documents, schemas).mappings.flatMap((m) => m.fields.map((f) => `${m.entity}.${f.name}`)))
  const returned = [...seen(rt.schemas).difference(seen(before))].map((f) => f.split('.')[0])
  Object.assign(rt, compileDocuments(atWork, rt.schemas))
  await inTransaction(engine, async (tx) => {
    for (const o of changed) if (rt.schemas.has(o)) await dropFinding(tx, rt.id, 'object_missing', o)
    await putFindings(tx, rt.id, [
      ...gone,
      ...suspended.map((o) => ({
        code: 'object_suspended',
        subject: o,
        message: `${o} rests: a field that its mappings' filters need is gone or hidden`,
        count: 1,
      })),
    ])
    await noteMissing(tx, rt)
    // A field that is there again is compared in all rows.
    for (const m of rt.mappings) if (returned.includes(m.entity)) await lanes.demandScan(tx, rt.id, m.object)
  })
}

/** One finding for each mapped field that the CRM does not have, or does not show; it goes when the field returns. */
export async function noteMissing(tx: Tx, rt: Runtime): Promise<void> {
  const missing = rt.mappings.flatMap((m) =>
    m.missing.map((x) => ({ code: 'field_missing', subject: `${m.entity}.${x.field}`, message: x.message, count: 1 })),
  )
  await dropFindings(
    tx,
    rt.id,
    'field_missing',
    missing.map((m) => m.subject),
  )
  await putFindings(tx, rt.id, missing)
}

/**
 * Makes a document the active one of its entity. What it reads or writes otherwise than the one before is looked at
 * in all records: the object is compared completely in the next turn, and its rows are compared with their records.
 *
 * @param draft its number, where it was kept as a draft.
 * @returns its version.
 */
export async function activate(tx: Tx, rt: Runtime, document: MappingDocument, draft?: number): Promise<number> {
  const before = mappingOf(rt, document.entity)?.document
  const version = await activateMapping(tx, rt.id, document.entity, document, draft)
  if (before && same(withoutPolicies(before), withoutPolicies(document))) return version
  await lanes.demandScan(tx, rt.id, document.object)
  await queues.touchEntity(tx, rt.id, document.entity)
  return version
}

/** A document with another conflict policy for one field. */
export function withPolicy(document: MappingDocument, field: string, policy: Policy): MappingDocument {
  const entry = document.fields[field]
  return entry === undefined
    ? document
    : { ...document, fields: { ...document.fields, [field]: { ...fieldMapping(entry), policy } } }
}

/** What a document says of values: policies and brakes decide about later changes and change nothing by themselves. */
const withoutPolicies = (document: MappingDocument): Json =>
  asJson({
    ...document,
    firstLink: null,
    brake: null,
    fields: Object.fromEntries(
      Object.entries(document.fields).map(([name, entry]) => [name, { ...fieldMapping(entry), policy: null, brake: null }]),
    ),
  })

/** As it is stored: without what is undefined. */
const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value))

/** The connections that map a field of an entity. */
export const mappingField = (engine: Engine, entity: Entity, field: string): Runtime[] =>
  engine.runtimes.filter((rt) => mappingOf(rt, entity)?.byName.has(field))
