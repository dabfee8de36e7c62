import { readFileSync } from 'node:fs'
import { closeDatabase, testDatabase } from '../support/harness.ts'
import { judge } from './oracle.ts'
import { play } from './play.ts'
import { query } from './stage.ts'

const actions = readFileSync(process.argv[2]!, 'utf8')
  .trim()
  .split('\n')
  .map((l) => JSON.parse(l))
const db = await testDatabase()
const story = await play(db, actions, process.argv[3] === 'three')
console.log(await judge(story))
console.log(story.edits, story.touched)
const { stage } = story
for (const q of [
  `select id, entity, deleted_at is not null as del, frozen, fields #>> '{nextStep,v}' as v, fields #>> '{name,v}' as name, fields #>> '{jobTitle,v}' as job from record`,
  `select c.name, object, external_id, link.state, record_id, base->'nextStep' as b, base->'jobTitle' as j, seen from link join connection c on c.id = connection_id`,
  `select id, record_id, kind, origin, fields from change where kind not in ('create','link') order by id`,
  `select record_id, field, kind, state, sides from conflict`,
  `select record_id, field, class, message from dead_letter`,
  `select id, kind, record_id, fields, refused from write where kind <> 'create' order by id`,
  `select * from inbox`,
  `select * from outbox`,
  `select * from watch`,
])
  console.log(q.slice(0, 60), JSON.stringify(await query(stage, q), null, 0).replaceAll('},{', '},\n{'))
await stage.stop()
await closeDatabase()
