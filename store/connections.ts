import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Connections, and what was read of their accounts. */

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

/**
 * Stores a connection. Secrets that were rotated since they were given stay, unless others are given now.
 */
export async function putConnection(tx: Tx, c: Omit<ConnectionRow, 'info'>): Promise<string> {
  const [row] = await rows(
    tx,
    sql<{
      id: string
    }>`insert into connection (id, name, kind, position, config, secrets, sandbox, writes_enabled)
    values (${c.id}, ${c.name}, ${c.kind}, ${c.position}, ${json(c.config)}, ${c.secrets}, ${c.sandbox}, ${c.writesEnabled})
    on conflict (workspace_id, name) do update set config = excluded.config, secrets = case when connection.sandbox or connection.config ->> 'given' is distinct from excluded.config ->> 'given' then excluded.secrets else connection.secrets end returning id`,
  )
  return row!.id
}

export const readSecrets = async (tx: Tx, id: string): Promise<string> =>
  (await rows(tx, sql<{ secrets: string }>`select secrets from connection where id = ${id}`))[0]!.secrets

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

/** A name of this installation, made once: what shares a Redis with others is told apart by it. */
export async function installation(tx: Tx): Promise<string> {
  await sql`insert into setting (key, value) values ('installation', to_jsonb(gen_random_uuid()::text)) on conflict do nothing`.execute(
    tx,
  )
  const [found] = await rows(tx, sql<{ id: string }>`select value #>> '{}' as id from setting where key = 'installation'`)
  return found!.id
}

/** The override table of a connection's users: e-mail of the record -> e-mail in that CRM. */
export async function userOverrides(tx: Tx, connectionId: string): Promise<Record<string, string>> {
  const [found] = await rows(
    tx,
    sql<{ value: Record<string, string> }>`select value from setting where key = ${`users ${connectionId}`}`,
  )
  return found?.value ?? {}
}

/** Says who a user is in a CRM where the e-mail addresses differ; null takes it back. */
export async function overrideUser(tx: Tx, connectionId: string, email: string, there: string | null): Promise<void> {
  const table = await userOverrides(tx, connectionId)
  if (there === null) delete table[email]
  else table[email] = there
  await sql`insert into setting (key, value) values (${`users ${connectionId}`}, ${json(table)})
    on conflict (workspace_id, key) do update set value = excluded.value`.execute(tx)
}
