import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { rows } from '../../store/database.ts'
import { insertRecords } from '../../store/records.ts'
import { closeDatabase, testDatabase } from '../support/harness.ts'

afterAll(closeDatabase)

test('a workspace sees only its own rows, in every table', async () => {
  const db = await testDatabase()
  const [one, two] = [randomUUID(), randomUUID()]
  for (const id of [one, two]) await db.ensureWorkspace(id, 'x')
  await db.transaction(one, (tx) => insertRecords(tx, [{ id: randomUUID(), entity: 'account', fields: {} }]))
  expect(await db.transaction(two, (tx) => rows(tx, sql`select * from record`))).toEqual([])
  expect(await db.transaction(one, (tx) => rows(tx, sql`select * from record`))).toHaveLength(1)
  const unprotected = await db.transaction(one, (tx) =>
    rows<{ name: string }>(
      tx,
      sql`select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and not relrowsecurity and relname not like 'kysely%'`,
    ),
  )
  expect(unprotected).toEqual([])
})

test('a row cannot be written into another workspace', async () => {
  const db = await testDatabase()
  const [one, two] = [randomUUID(), randomUUID()]
  for (const id of [one, two]) await db.ensureWorkspace(id, 'x')
  const attempt = db.transaction(one, (tx) =>
    sql`insert into pause (workspace_id, scope, reason) values (${two}, 'all', 'x')`.execute(tx),
  )
  await expect(attempt).rejects.toThrow(/row-level security/)
})

test('a transaction without a workspace sees nothing', async () => {
  const db = await testDatabase()
  await expect(db.transaction('', (tx) => rows(tx, sql`select * from record`))).resolves.toEqual([])
})
