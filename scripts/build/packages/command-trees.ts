import { completionOf, createProgram as createPlexd } from '@plexd/agent'
import { completionScripts, createProgram as createPlexctl, systemIo } from '@plexd/cli'
import { createProgram as createControlPlane } from '@plexd/control-plane'
import { type CompletedShell, completionScript } from '@plexd/runtime'
import type { ProgramName } from '../../programs/build.ts'

/** The programs as they describe themselves: for their man pages and completions. */
export const commandTrees = {
  plexd: () => createPlexd(),
  plexctl: () => createPlexctl(systemIo()),
  'control-plane': () => createControlPlane(),
} as const satisfies Record<ProgramName, () => unknown>

/** What a shell sources. plexctl completes names of what its control plane has, and so asks itself. */
export async function completion(name: ProgramName, shell: CompletedShell): Promise<string> {
  if (name === 'plexctl') return completionScripts[shell]
  const program = commandTrees[name]()
  return name === 'plexd' ? completionOf(program, shell) : completionScript(program, shell)
}
