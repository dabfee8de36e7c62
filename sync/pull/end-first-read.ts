import type { Tx } from '../../store/database.ts'
import * as lanes from '../../store/lanes.ts'
import * as links from '../../store/links.ts'
import * as waiting from '../../store/waiting.ts'
import type { Runtime } from '../runtime.ts'
import type { PullWork } from './work.ts'

/** What happens when an object has been read completely for the first time. */

export const beginPolling = (rt: Runtime, state: lanes.ObjectState): Partial<lanes.ObjectState> => ({
  phase: 'poll',
  scanAt: state.done,
  overlapAt: state.done,
  after: undefined,
  cursor: { version: Math.max(0, (state.began || Date.now()) - rt.connector.overlapMs), id: '' },
})

/** Another object is read: who waited for it may go on. */
export function tellOthers({ engine }: PullWork): void {
  for (const rt of engine.runtimes) engine.nudge(rt.id, 'pull')
}

/** An object is read: records without a row there get creating links, on this side and on the others. */
export async function endFirstRead(tx: Tx, work: PullWork, object: string, state: lanes.ObjectState): Promise<void> {
  const { engine, rt } = work
  await lanes.holdFirstReads(tx, 'ender')
  state.readAt = await lanes.databaseNow(tx)
  await lanes.saveObject(tx, rt.id, object, state)
  await waiting.wakeLinked(tx, rt.id)
  for (const mapping of rt.mappings.filter((m) => m.object === object)) {
    if (mapping.document.write && mapping.document.externalId && engine.runtimes.length > 1)
      await fanOutHere(tx, work, rt, mapping.object, mapping.entity)
    for (const other of engine.runtimes) {
      const theirs = other.mappings.find((m) => m.entity === mapping.entity)
      if (other.id === rt.id || !theirs?.document.write || !theirs.document.externalId) continue
      const objects = await lanes.readObjects(tx, other.id)
      if (objects[theirs.object]?.phase === 'poll') await links.fanOutAll(tx, other.id, theirs.object, theirs.entity)
    }
  }
}

/** Only when every other connection has been read too: before that a record may still find its row here. */
async function fanOutHere(tx: Tx, work: PullWork, rt: Runtime, object: string, entity: string): Promise<void> {
  for (const other of work.engine.runtimes) {
    if (other.id === rt.id || !other.mappings.some((m) => m.entity === entity)) continue
    const objects = await lanes.readObjects(tx, other.id)
    if (other.mappings.some((m) => m.entity === entity && objects[m.object]?.phase !== 'poll')) return
  }
  await links.fanOutAll(tx, rt.id, object, entity)
}
