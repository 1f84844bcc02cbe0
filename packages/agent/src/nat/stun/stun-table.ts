/** The table of nft that has the rules. */
import { ExecError, exec } from '@plexd/runtime'
import { parseCounters } from '../../firewall/nft/counters.ts'
import { emptyText, parseRuleName, type Way } from './stun-rules.ts'

/** Also those left by a killed daemon; not a failure if there are none, or no nft. */
export async function removeStunRules(onWrite?: (processId: number) => void): Promise<void> {
  try {
    await exec(['nft', '-f', '-'], { input: emptyText, ...(onWrite && { onSpawn: onWrite }) })
  } catch (error) {
    if (!(error instanceof ExecError && error.missing)) throw error
  }
}

/** The rules that an earlier daemon has left for this port. */
export async function findRules(
  wireguardPort: number,
): Promise<{ way: Way; stunPort: number } | undefined> {
  const counters = await readCounters().catch(() => new Map<string, unknown>()) // without nft there are none
  for (const { way, ports } of [...counters.keys()].flatMap((name) => parseRuleName(name) ?? []))
    if (ports.wireguardPort === wireguardPort && ports.userId === ownUserId())
      return { way, stunPort: ports.stunPort }
  return undefined
}

/** By the names of the rules; empty if there is no table. */
export async function readCounters(): Promise<ReturnType<typeof parseCounters>> {
  try {
    return parseCounters(await exec(['nft', '-j', 'list', 'table', 'inet', 'plexd_stun']))
  } catch (error) {
    if (error instanceof ExecError && error.exitCode !== undefined) return new Map()
    throw error
  }
}

export function ownUserId(): number {
  return process.getuid?.() ?? 0
}
