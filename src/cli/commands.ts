import type { Command } from 'commander'
import { addConflicts } from './conflicts.ts'
import { addConnection } from './connection.ts'
import { addDeadLetters } from './dead-letters.ts'
import { addFindings } from './findings.ts'
import { addFrozen } from './frozen.ts'
import { addMapping } from './mapping.ts'
import { addMatch } from './match.ts'
import { addMatches } from './matches.ts'
import { addMerges } from './merges.ts'
import type { Finish } from './output.ts'
import { addPause } from './pause.ts'
import { addPlan } from './plan.ts'
import { addRecords } from './records.ts'
import { addRegistrations } from './registrations.ts'
import { addRules } from './rules.ts'
import { addRuns } from './runs.ts'
import { addSandbox } from './sandbox.ts'
import { addStatus } from './status.ts'
import { addUndo } from './undo.ts'
import { addVerify } from './verify.ts'

/** Every command but `start`, in the order of the help. Each takes --json. */
export function addCommands(program: Command, finish: Finish): void {
  // What is going on
  addStatus(program)
  addVerify(program, finish)
  addPlan(program, finish)
  addRecords(program)

  // What waits for a person
  addConflicts(program, finish)
  addMatches(program, finish)
  addFrozen(program, finish)
  addDeadLetters(program, finish)
  addFindings(program, finish)

  // Writing to the CRMs
  addPause(program)
  addRuns(program)
  addUndo(program, finish)

  // Deal registrations
  addRegistrations(program, finish)
  addRules(program, finish)

  // Duplicates
  addMatch(program)
  addMerges(program, finish)

  // Set-up
  addConnection(program)
  addMapping(program, finish)
  addSandbox(program)
}
