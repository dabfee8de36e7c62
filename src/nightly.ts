import { lastVerification } from '../store/verifications.ts'
import { inTransaction } from '../sync/engine.ts'
import { verify } from '../sync/verify/verify.ts'
import type { App } from './app.ts'

/** The hour, of this machine's clock, at which everything is verified. */
const HOUR = 2
const CHECK_MS = 10 * 60_000
/** A verification younger than this is this night's. */
const FRESH_MS = 12 * 3_600_000
/** Of the day's calls so much must be left: a complete read is for the hours in which nobody needs them. */
const CALLS_LEFT = 0.5

/** Whether this night's verification is due. @param hour of the day @param age of the last one in milliseconds */
export const isDue = (hour: number, age: number, used: readonly { used: number; limit: number }[]): boolean =>
  hour === HOUR && age > FRESH_MS && used.every((u) => u.used <= u.limit * (1 - CALLS_LEFT))

/** Calls that one look may use: half of what is left for it. */
const callsFor = (days: readonly { used: number; limit: number }[]): number | undefined =>
  days.length === 0 ? undefined : Math.max(1, Math.min(...days.map((d) => Math.floor((d.limit * (1 - CALLS_LEFT) - d.used) / 2))))

/** Verifies every night, and says so when something is unexplained. */
export function verifyNightly(app: App): () => void {
  let running = false
  const check = async () => {
    if (running) return
    running = true
    try {
      const last = await inTransaction(app.engine, lastVerification)
      const now = new Date()
      const days = app.engine.runtimes.flatMap((rt) => rt.budget.day ?? [])
      if (!isDue(now.getHours(), last ? now.getTime() - last.at.getTime() : Number.POSITIVE_INFINITY, days)) return
      // One that rests because its calls are used up goes on at the next look.
      const { compared, differences, unexplained, complete } = await verify(app.engine, { calls: callsFor(days) })
      app.log[unexplained > 0 ? 'warn' : 'info'](
        { compared, differences, unexplained },
        complete ? 'verified' : 'verified in part; it goes on later',
      )
    } catch (error) {
      app.log.warn({ err: error }, 'the nightly verification failed; it is tried again')
    } finally {
      running = false
    }
  }
  const timer = setInterval(() => void check(), CHECK_MS).unref()
  return () => clearInterval(timer)
}
