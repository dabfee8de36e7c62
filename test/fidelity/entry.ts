import type { Lenience } from './compare.ts'
import type { Request } from './recordings.ts'
import type { Stage } from './stage.ts'

/** How one file of recordings is replayed. */
export interface Entry {
  file: string
  /** The request that answers like a file that holds only an answer; else the recorded requests are sent. */
  request?: Request | ((stage: Stage) => Request | Promise<Request>)
  /** The request that a file with only a request holds: replayed when the sandbox accepts it. */
  accepted?: Request
  /** For what is no exchange: answers what differs. */
  check?: (stage: Stage) => string[]
  /** Status of an answer whose file does not tell it. */
  status?: number
  /** Where in the sandbox's answer the recorded body stands, when the file holds only a part of an answer. */
  part?: (body: unknown) => unknown
  /** Sets the scene beyond what `prepare` makes out of the recording. */
  given?: (stage: Stage) => Promise<void>
  lenience?: Lenience
  /** The recording is of something that is not there: nothing is made under its ids. */
  absent?: boolean
  /** Types of the org's own fields that their values do not tell. */
  types?: Record<string, string>
  /** The recorder's client had an OAuth token (no daily limits), not a private app's. */
  oauth?: boolean
}
