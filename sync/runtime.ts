import type { AccountInfo, Connector, CrmUser } from '../connectors/connector.ts'
import { type CompiledMapping, compileMapping, isAssociationColumn } from '../mappings/compile.ts'
import type { LensContext, ReferenceResolver, UserDirectory } from '../mappings/context.ts'
import { type MappingDocument, meetsFilter } from '../mappings/mapping.ts'
import { ENTITIES, type Entity } from '../mappings/model/model.ts'
import type { ObjectSchema, RawRow } from '../mappings/schema.ts'
import type { CallBudget } from './budget.ts'
import type { Run } from './runs.ts'

/** A connection at work: its connector, its compiled mappings, what is known of its account. */
export interface Runtime {
  id: string
  name: string
  kind: Connector['kind']
  /** Order among the connections: the first is read directly, later ones are matched against it. */
  position: number
  /** A local CRM of the sandbox. */
  sandbox: boolean
  connector: Connector
  budget: CallBudget
  account: AccountInfo
  users: UserDirectory
  /** The CRM's users, as it lists them. */
  people: readonly CrmUser[]
  /** E-mail of a record's user -> e-mail in this CRM, where they differ. */
  overrides: Record<string, string>
  /** What the CRM says of the objects that mappings use. */
  schemas: Map<string, ObjectSchema>
  mappings: CompiledMapping[]
  /** Objects in the order parents before children. */
  objects: string[]
  /** Objects at rest: a column that their filters need has gone, so nobody can tell what their rows are. */
  suspended: string[]
  /** Objects that mappings name and that this account does not have, or does not show. */
  absent: string[]
  /** Which versions of the mapping documents these are. */
  versions: string
  /** What its lanes are at. */
  runs: { pull?: Run; push?: Run }
  /** Milliseconds between the reads before the last updates and what they changed, by the CRM's clock: others may have saved in between. */
  windows: number[]
}

export interface RuntimeInput {
  id: string
  name: string
  position: number
  sandbox: boolean
  connector: Connector
  budget: CallBudget
  account: AccountInfo
  users: CrmUser[]
  schemas: Map<string, ObjectSchema>
  documents: MappingDocument[]
  versions: string
  /** E-mail of a record's user -> e-mail in this CRM, where they differ. */
  overrides: Record<string, string>
}

export function makeRuntime(input: RuntimeInput): Runtime {
  return {
    id: input.id,
    name: input.name,
    kind: input.connector.kind,
    position: input.position,
    sandbox: input.sandbox,
    connector: input.connector,
    budget: input.budget,
    account: input.account,
    users: userDirectory(input.users, input.overrides),
    people: input.users,
    overrides: input.overrides,
    schemas: input.schemas,
    ...compileDocuments(input.documents, input.schemas),
    suspended: [],
    absent: [...new Set(input.documents.map((d) => d.object).filter((o) => !input.schemas.has(o)))],
    versions: input.versions,
    runs: {},
    windows: [],
  }
}

/** Documents made ready for use; those of objects that the CRM does not have are left out. */
export function compileDocuments(
  documents: readonly MappingDocument[],
  schemas: ReadonlyMap<string, ObjectSchema>,
): Pick<Runtime, 'mappings' | 'objects'> {
  const ordered = [...documents].sort((a, b) => ENTITIES.indexOf(a.entity) - ENTITIES.indexOf(b.entity))
  const mappings = ordered.filter((d) => schemas.has(d.object)).map((d) => compileMapping(d, schemas.get(d.object)!))
  return { mappings, objects: [...new Set(mappings.map((m) => m.object))] }
}

/** Users of several CRMs are told apart by the addresses that they have in the others. */
export function acquaint(runtimes: readonly Runtime[]): void {
  for (const rt of runtimes) {
    const elsewhere = new Set(runtimes.filter((r) => r !== rt).flatMap((r) => r.people.map((p) => p.email.toLowerCase())))
    rt.users = userDirectory(rt.people, rt.overrides, elsewhere)
  }
}

/**
 * Users by id and by e-mail; `overrides` maps canonical e-mail -> e-mail in this CRM.
 *
 * @param elsewhere addresses known in other CRMs: who has one of these is himself, and stands in for nobody when read.
 */
export function userDirectory(
  users: readonly CrmUser[],
  overrides: Record<string, string>,
  elsewhere: ReadonlySet<string> = new Set(),
): UserDirectory {
  const canonical = new Map(
    Object.entries(overrides)
      .map(([from, to]) => [to.toLowerCase(), from.toLowerCase()] as const)
      .filter(([to]) => !elsewhere.has(to)),
  )
  const byId = new Map(users.map((u) => [u.id, canonical.get(u.email.toLowerCase()) ?? u.email.toLowerCase()]))
  // Where an address occurs twice the active user counts.
  const byEmail = new Map([...users].sort((a, b) => Number(a.active) - Number(b.active)).map((u) => [u.email.toLowerCase(), u]))
  return {
    emailOf: (id) => byId.get(id),
    userOf: (email) => byEmail.get((overrides[email] ?? email).toLowerCase()),
  }
}

/** Mappings of one object, in the order in which a row's entity is sought. */
export const mappingsOf = (rt: Runtime, object: string): CompiledMapping[] => rt.mappings.filter((m) => m.object === object)

export const mappingOf = (rt: Runtime, entity: Entity): CompiledMapping | undefined =>
  rt.mappings.find((m) => m.entity === entity)

/** The entity whose filter a row meets first; undefined when it is outside all. */
export const classify = (rt: Runtime, object: string, row: RawRow): CompiledMapping | undefined =>
  mappingsOf(rt, object).find((m) => meetsFilter(m.document.filter, row))

/**
 * Whether a row's entity cannot be told: a column that a filter looks at exists, and the answer does not hold it. That
 * is no blank, and the row stays what it was.
 */
export const isUnclear = (rt: Runtime, object: string, row: RawRow): boolean =>
  mappingsOf(rt, object).some((m) => m.document.filter.some((c) => c.field in m.schema.fields && row[c.field] === undefined))

/** Every column any mapping of the object reads. */
export const columnsOf = (rt: Runtime, object: string): string[] => [...new Set(mappingsOf(rt, object).flatMap((m) => m.columns))]

export const associationColumnsOf = (rt: Runtime, object: string): string[] => columnsOf(rt, object).filter(isAssociationColumn)

export function lensContext(rt: Runtime, mapping: CompiledMapping, references: ReferenceResolver): LensContext {
  return {
    timeZone: rt.account.timeZone,
    currency: rt.account.currency,
    currencies: new Set(rt.account.currencies),
    users: rt.users,
    references,
    schema: mapping.schema,
  }
}

/** Names by which a connection may be called in a policy. */
export const namesOf =
  (runtimes: readonly Runtime[]) =>
  (origin: string): readonly string[] => {
    const found = runtimes.find((r) => r.id === origin)
    return found ? [found.name, found.kind] : [origin]
  }
