import { type Kysely, sql } from 'kysely'

/** The role that every transaction takes: it owns nothing and is bound by the policies. */
export const APP_ROLE = 'concordat_app'

/** A table of a workspace: bound to it by key, policy and default. */
export async function createTable(db: Kysely<unknown>, name: string, columns: string): Promise<void> {
  const run = (text: string) => sql.raw(text).execute(db)
  const own = `workspace_id = nullif(current_setting('app.workspace', true), '')::uuid`
  await run(`create table ${name} (workspace_id uuid not null references workspace (id) on delete cascade, ${columns})`)
  await run(`alter table ${name} enable row level security`)
  await run(`create policy own on ${name} using (${own}) with check (${own})`)
  // Every insert names its workspace by default, so that none can forget it.
  await run(`alter table ${name} alter column workspace_id set default nullif(current_setting('app.workspace', true), '')::uuid`)
  await run(`grant select, insert, update, delete on ${name} to ${APP_ROLE}`)
}
