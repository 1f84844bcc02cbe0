import type { PolicyOutcome } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { Io } from './io.ts'

/** Throws unless the answer on standard input starts with "y". */
export async function confirm({ stdin, stderr }: Io, question: string): Promise<void> {
  stderr.write(`${question} [y/N] `)
  let answer = ''
  for await (const chunk of stdin) {
    answer += chunk.toString()
    if (answer.includes('\n')) break
  }
  if (!/^\s*y/i.test(answer)) throw new CliError('not confirmed: nothing was done')
}

/**
 * Asks before a change of the policies after which nodes could not talk that can now; where nobody can be asked it wants
 * `--yes`. The file of a policy may be what standard input is for.
 */
export async function confirmCut(
  io: Io,
  { what, pairs, asks }: { what: string; pairs: PolicyOutcome['pairs']; asks: boolean },
): Promise<void> {
  if (pairs && pairs.lost === 0) return
  const cut = pairs
    ? `${pairs.lost} ${pairs.lost === 1 ? 'pair' : 'pairs'} of nodes that can talk could not any more`
    : 'the mesh is too large to tell how many pairs of nodes could not talk any more'
  if (asks && io.stdin.isTTY) return await confirm(io, `${what}: ${cut}; go on?`)
  throw new CliError(`${what}: ${cut}: run it again with --yes to do that`, exitCodes.usage)
}
