import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { closeDatabase, testDatabase } from '../support/harness.ts'
import { historyOf } from './history.ts'
import { judge } from './oracle.ts'
import { play } from './play.ts'
import { query } from './stage.ts'

const arg = process.argv[2]!
const seed = Number(arg)
const three = Number.isInteger(seed) ? seed % 3 === 2 : process.argv[3] === 'three'
const crms = three ? ['salesforce', 'hubspot', 'second'] : ['salesforce', 'hubspot']
const actions = Number.isInteger(seed)
  ? fc.sample(historyOf(crms as never), { seed, numRuns: 1 })[0]!
  : readFileSync(arg, 'utf8')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l))
const db = await testDatabase()
const story = await play(db, actions, three)
const wrong = await judge(story)
if (wrong.length === 0) {
  await story.stage.stop()
  await closeDatabase()
  process.exit(0)
}
console.log(actions.map((a) => JSON.stringify(a)).join('\n'))
console.log(wrong)
console.log(story.edits.map((e) => JSON.stringify(e)).join('\n'), story.touched)
const { stage } = story
for (const q of [
  `select id, entity, deleted_at is not null as del, frozen, fields->'employees' as v, fields #>> '{name,v}' as name, fields #>> '{jobTitle,v}' as job from record`,
  `select c.name, object, external_id, link.state, record_id, base->'employees' as b, base->'phone' as j, seen from link join connection c on c.id = connection_id`,
  `select id, record_id, kind, origin, fields from change where kind not in ('create','link') order by id`,
  `select record_id, field, kind, state, sides from conflict`,
  `select record_id, field, class, message from dead_letter`,
  `select id, kind, record_id, connection_id, fields, refused, read_clock, sent_at from write where kind <> 'create' order by id`,
  `select * from inbox`,
  `select * from outbox`,
  `select * from watch`,
])
  console.log(q.slice(0, 60), JSON.stringify(await query(stage, q), null, 0).replaceAll('},{', '},\n{'))
console.log(
  JSON.stringify(
    [...stage.sandboxes[0]!.world.org.table('AccountHistory').rows.values()].map((r) => [r.createdBy, r.created, r.values]),
  ),
)
await stage.stop()
await closeDatabase()
