import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Versions of mapping documents: one is active for each entity of a connection, earlier ones are kept. */

export interface MappingVersion {
  connectionId: string
  connection: string
  entity: string
  version: number
  status: 'active' | 'superseded'
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
      }>`select document from mapping where connection_id = ${connectionId} and entity = ${entity} and version = ${version}`,
    )
  )[0]?.document

/** Makes a document the active one of its entity, as a new version; answers its number. */
export async function activateMapping(tx: Tx, connectionId: string, entity: string, document: unknown): Promise<number> {
  await sql`update mapping set status = 'superseded' where connection_id = ${connectionId} and entity = ${entity} and status = 'active'`.execute(
    tx,
  )
  const [made] = await rows(
    tx,
    sql<{ version: number }>`insert into mapping (connection_id, entity, version, status, document)
    select ${connectionId}, ${entity}, coalesce(max(version), 0) + 1, 'active', ${json(document)} from mapping where connection_id = ${connectionId} and entity = ${entity}
    returning version`,
  )
  return made!.version
}
