import { pino } from 'pino'
import type { Config } from './config.ts'

/** The log goes to stderr: stdout belongs to results. */
export function makeLog(level: Config['logLevel']) {
  return pino(
    { level, redact: ['*.accessToken', '*.refreshToken', '*.clientSecret', '*.authorization'] },
    pino.destination({ fd: 2, sync: true }),
  )
}
export type Log = ReturnType<typeof makeLog>
