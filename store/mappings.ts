import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Versions of mapping documents: one is active for each entity of a connection; earlier ones and drafts are kept. */

export interface MappingVersion {
  connectionId: string
  connection: string
  entity: string
  version: number
  status: 'draft' | 'active' | 'superseded'
  at: Date
}

export const activeMappings = (tx: Tx, connectionId: string) =>
  rows(
    tx,
    sql<{
      entity: string
      version: number
      document: unknown
    }>`select entity, version, document from mapping where connection_id = ${connectionId} and status = 'active'`,
  )

/** Tells whether the active documents of a connection are others than before: they are named by their versions. */
export async function activeVersions(tx: Tx, connectionId: string): Promise<string> {
  const [found] = await rows(
    tx,
    sql<{
      versions: string | null
    }>`select string_agg(entity || ' ' || version, ', ' order by entity) as versions from mapping where connection_id = ${connectionId} and status = 'active'`,
  )
  return found!.versions ?? ''
}

export const listMappingVersions = (tx: Tx) =>
  rows(
    tx,
    sql<MappingVersion>`select connection_id as "connectionId", connection.name as connection, entity, version, status, mapping.created_at as at
    from mapping join connection on connection.id = mapping.connection_id order by connection.position, entity, version desc`,
  )

/** The document of one version. */
export const mappingOfVersion = async (tx: Tx, connectionId: string, entity: string, version: number) =>
  (
    await rows(
      tx,
      sql<{
        document: unknown
        status: MappingVersion['status']
      }>`select document, status from mapping where connection_id = ${connectionId} and entity = ${entity} and version = ${version}`,
    )
  )[0]

/** Keeps a document that is not at work yet; answers its number. */
export const draftMapping = (tx: Tx, connectionId: string, entity: string, document: unknown): Promise<number> =>
  insertVersion(tx, connectionId, entity, 'draft', document)

/** @returns false when there is no such draft. */
export async function discardDraft(tx: Tx, connectionId: string, entity: string, version: number): Promise<boolean> {
  const gone = await rows(
    tx,
    sql<{
      version: number
    }>`delete from mapping where connection_id = ${connectionId} and entity = ${entity} and version = ${version} and status = 'draft' returning version`,
  )
  return gone.length > 0
}

/** Versions of a connection are numbered and put to work one after another. */
const lockMappings = (tx: Tx, connectionId: string) =>
  sql`select 1 from connection where id = ${connectionId} for update`.execute(tx)

/** A draft that is not there any more. */
export class DraftGone extends Error {
  override name = 'DraftGone'
}

async function insertVersion(tx: Tx, connectionId: string, entity: string, status: string, document: unknown): Promise<number> {
  await lockMappings(tx, connectionId)
  const [made] = await rows(
    tx,
    sql<{ version: number }>`insert into mapping (connection_id, entity, version, status, document)
    select ${connectionId}, ${entity}, coalesce(max(version), 0) + 1, ${status}, ${json(document)} from mapping where connection_id = ${connectionId} and entity = ${entity}
    returning version`,
  )
  return made!.version
}

/** Makes a document the active one of its entity: a draft under its own number, else as a new version; answers the number. */
export async function activateMapping(
  tx: Tx,
  connectionId: string,
  entity: string,
  document: unknown,
  draft?: number,
): Promise<number> {
  await lockMappings(tx, connectionId)
  await sql`update mapping set status = 'superseded' where connection_id = ${connectionId} and entity = ${entity} and status = 'active'`.execute(
    tx,
  )
  if (draft === undefined) return insertVersion(tx, connectionId, entity, 'active', document)
  const found = await rows(
    tx,
    sql<{
      version: number
    }>`update mapping set status = 'active' where connection_id = ${connectionId} and entity = ${entity} and version = ${draft} and status = 'draft' returning version`,
  )
  if (found.length === 0) throw new DraftGone(`draft ${draft} of the mapping of ${entity} was discarded or published meanwhile`)
  return draft
}
