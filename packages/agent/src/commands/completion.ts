import { type CompletedShell, completionScript } from '@plexd/runtime'
import type { Command } from 'commander'
import type { Caller, Flags } from './given/flags.ts'

/** Prints a shell script to be sourced. It contains all the words, so that pressing Tab does not start plexd. */
export async function printCompletion(
  _flags: Flags,
  { shell }: { shell: CompletedShell },
  { program }: Caller,
): Promise<void> {
  process.stdout.write(await completionOf(program, shell))
}

/** With the actions that this build has. */
export async function completionOf(program: Command, shell: CompletedShell): Promise<string> {
  const { builtins } = await import('../actions/builtin/index.ts')
  return completionScript(program, shell, { 'actions run': builtins.map(({ name }) => name) })
}
