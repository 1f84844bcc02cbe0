import type { Command } from 'commander'
import type { Caller, Flags } from '../given/flags.ts'

export interface CommandRow {
  description: string
  /** It is for our own processes, so no help shows it. */
  isHidden?: boolean
  /** Adds its options and arguments. */
  form?(command: Command): Command
  examples?: readonly (readonly [command: string, what: string])[]
  /** The code that runs it, which takes the options and arguments of its form by name. */
  load?(): Promise<(flags: Flags, given: never, caller: Caller) => Promise<void>>
  subcommands?: Readonly<Record<string, CommandRow>>
}
