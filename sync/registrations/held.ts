import type { RecordRow } from '../../mappings/state.ts'
import type { RegistrationRow } from '../../store/registrations.ts'
import type { Rules } from './rules.ts'

/** Under this name the rules change records. */
export const RULES = 'rules'

/** The rules that count, and which version of the document they are; null: none was ever published. */
export interface Versioned {
  rules: Rules
  version: number | null
}

/** A registration and its record, both locked. */
export interface Held {
  record: RecordRow
  registration: RegistrationRow
}
