import fc from 'fast-check'
import { sql } from 'kysely'
import { rows } from '../../store/database.ts'
import { closeDatabase, testDatabase } from '../support/harness.ts'
import { historyOf } from './history.ts'
import { judge } from './oracle.ts'
import { play } from './play.ts'
import { isThree } from './seed.ts'
import { inTx } from './stage.ts'

const seed = Number(process.argv[2])
const from = process.argv[3]
const db = await testDatabase()
const crms = isThree(seed) ? ['salesforce', 'hubspot', 'second'] : ['salesforce', 'hubspot']
const h: any = from
  ? JSON.parse((await import('node:fs')).readFileSync(from, 'utf8'))
  : fc.sample(historyOf(crms as any), { seed, numRuns: 1 })[0]!
const q2: any = async (t: string) => {
  const r = await inTx(story.stage, (tx: any) => rows(tx, sql.raw(t) as any))
  for (const x of r as any[]) console.log(JSON.stringify(x))
}
const story = await play(db, h, isThree(seed))
try {
  const v = await judge(story)
  console.log(JSON.stringify(v))
  const { turn } = await import('./stage.ts')
  for (let i = 0; i < 2; i++)
    console.log('TURN', JSON.stringify(await turn(story.stage, 'second' as any, 'push').catch((e: any) => e.stack)))
  if (v.length || process.argv[4]) {
    const q = async (t: string) => {
      const r = await inTx(story.stage, (tx: any) => rows(tx, sql.raw(t) as any))
      console.log('==', t.slice(0, 70))
      for (const x of r as any[])
        console.log(
          JSON.stringify(x, (k, v) =>
            typeof v === 'bigint' ? Number(v) : typeof v === 'string' && /^[0-9a-f]{8}-/.test(v) ? v.slice(-4) : v,
          ).slice(0, 500),
        )
    }
    await q(
      "select id,entity,deleted_at is not null as del,frozen,fields->'domain'->'v' as domain, fields->'name'->'v' as name from record order by id",
    )
    await q('select id,record_id,connection_id,object,external_id,state from link order by record_id')
    await q('select id,link_id,record_id,kind,run_id,fields from write order by id')
    await q('select * from conflict order by id')
    await q('select * from match order by id')
    await q('select * from inbox')
    await q('select * from outbox')
    await q('select * from open_write')
    await q('select * from brake')
    await q('select * from waiting_out')
    await q('select id,undo_id,link_id,kind,state,reason from undo_step').catch(() => {})
    await q('select record_id,connection_id,kind,fields,origin from change order by id')
  }
} finally {
  await story.stage.stop()
}
await closeDatabase?.(db as any)
process.exit()
