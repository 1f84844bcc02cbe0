/** Commands for `ip`, in one batch. */
import { describeError, type Exec, ExecError, exec as execProgram } from '@plexd/runtime'
import type { LinkRepair } from './link-repair.ts'
import { planRoutingRemoval } from './routing-plan.ts'
import { readRouting } from './tables/local-routes.ts'

export interface CarriedOut {
  /** What was wrong and has been corrected, in the past tense. */
  repaired: readonly string[]
  /** Why not all of it could be corrected. */
  failure?: string
}

export async function carryOut(repairs: readonly LinkRepair[], exec: Exec): Promise<CarriedOut> {
  try {
    await runIp(
      exec,
      repairs.map(({ command }) => command),
    )
    return { repaired: repairs.map(({ detail }) => detail) }
  } catch (error) {
    const refused = refusedLines(error)
    const done = refused ? repairs.filter((_, index) => !refused.has(index + 1)) : []
    return { repaired: done.map(({ detail }) => detail), failure: describeError(error) }
  }
}

/** Removes rule and table of the mesh with this interface, if there are any. */
export async function removeMeshRouting(
  interfaceName: string,
  exec: Exec = execProgram,
): Promise<void> {
  await runIp(exec, planRoutingRemoval(interfaceName, await readRouting(exec)))
}

async function runIp(exec: Exec, lines: readonly string[]): Promise<void> {
  // -force: a line that fails does not stop those after it.
  if (lines.length > 0)
    await exec(['ip', '-4', '-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

/** The numbers, from one, of the lines of a batch that failed; undefined if unknown. Pure. */
function refusedLines(error: unknown): ReadonlySet<number> | undefined {
  if (!(error instanceof ExecError) || error.exitCode === undefined) return undefined
  const numbers = [...error.stderr.matchAll(/^Command failed -:(\d+)$/gm)].map(([, n]) => Number(n))
  return numbers.length === 0 ? undefined : new Set(numbers)
}
