import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'

/** What the commands share: an answer is printed for a machine (--json) or for a person. */

/** A JSON object of an API answer. */
export type Row = Record<string, unknown>
/** A page of an API list. */
export type List = { items: Row[]; next: string | null }
/** Ends the program with an exit code once everything is written. */
export type Finish = (code: number) => void

export interface JsonOption {
  json?: boolean
}

/** Gives a command the option --json. */
export const json = (command: Command): Command => command.option('--json', 'print JSON')

export const print = (text: string): void => void process.stdout.write(`${text}\n`)
export const printJson = (value: unknown): void => print(JSON.stringify(value))

/** Asks a person at a terminal; where there is none the answer is no. */
export async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const asked = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await asked.question(`${question} [y/N] `)).trim())
  } finally {
    asked.close()
  }
}
