import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Connections, their mappings, and what was read of their accounts. */

export interface ConnectionRow {
  id: string
  name: string
  kind: 'salesforce' | 'hubspot'
  position: number
  config: Record<string, string>
  secrets: string
  sandbox: boolean
  writesEnabled: boolean
  info: unknown
}

export const listConnections = (tx: Tx) =>
  rows(
    tx,
    sql<ConnectionRow>`select id, name, kind, position, config, secrets, sandbox, writes_enabled as "writesEnabled", info from connection order by position`,
  )

export async function putConnection(tx: Tx, c: Omit<ConnectionRow, 'info'>): Promise<string> {
  const [row] = await rows(
    tx,
    sql<{
      id: string
    }>`insert into connection (id, name, kind, position, config, secrets, sandbox, writes_enabled)
    values (${c.id}, ${c.name}, ${c.kind}, ${c.position}, ${json(c.config)}, ${c.secrets}, ${c.sandbox}, ${c.writesEnabled})
    on conflict (workspace_id, name) do update set config = excluded.config, secrets = case when connection.sandbox then excluded.secrets else connection.secrets end returning id`,
  )
  return row!.id
}

export async function saveSecrets(tx: Tx, id: string, secrets: string): Promise<void> {
  await sql`update connection set secrets = ${secrets} where id = ${id}`.execute(tx)
}

export async function saveInfo(tx: Tx, id: string, info: unknown): Promise<void> {
  await sql`update connection set info = ${json(info)} where id = ${id}`.execute(tx)
}

export async function setWrites(tx: Tx, name: string, enabled: boolean): Promise<boolean> {
  return (
    (
      await rows(
        tx,
        sql<{
          id: string
        }>`update connection set writes_enabled = ${enabled} where name = ${name} returning id`,
      )
    ).length > 0
  )
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

export async function putMapping(tx: Tx, connectionId: string, entity: string, document: unknown): Promise<void> {
  await sql`update mapping set status = 'superseded' where connection_id = ${connectionId} and entity = ${entity} and status = 'active'`.execute(
    tx,
  )
  await sql`insert into mapping (connection_id, entity, version, status, document)
    select ${connectionId}, ${entity}, coalesce(max(version), 0) + 1, 'active', ${json(document)} from mapping where connection_id = ${connectionId} and entity = ${entity}`.execute(
    tx,
  )
}
