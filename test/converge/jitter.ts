import { setTimeout as wait } from 'node:timers/promises'
import type { Database } from '../../store/database.ts'

/** A store in which every second transaction waits a little, before and after: what runs side by side overtakes the other. */
export function jittery(db: Database, upToMs: number): Database {
  const pause = async () => {
    if (Math.random() < 0.5) await wait(Math.random() * upToMs)
  }
  const transaction: Database['transaction'] = async (...args) => {
    await pause()
    const done = await db.transaction(...args)
    await pause()
    return done
  }
  return new Proxy(db, {
    get(target, name) {
      if (name === 'transaction') return transaction
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
