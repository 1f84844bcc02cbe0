import { maxStunServers, parseStunServer } from '../../config/settings/stun-servers.ts'
import type { Announced } from '../../store/postgres/control-planes.ts'

/** A note is told anew every three seconds, by a statement that may take as long. */
const freshMs = 7_000

/** What a row of another control plane says of it, as long ago as it was told. */
export type Heard = Pick<Announced, 'state' | 'stun'> & { silentMs: number }

/** Those of the others that still answer; what is written there is believed no more than a setting. Pure. */
export function stunServersOf(others: readonly Heard[]): string[] {
  return others
    .filter(({ state, silentMs }) => state !== 'stopping' && silentMs <= freshMs)
    .flatMap(({ stun }) => stun.filter((text) => typeof text === 'string').map(parseStunServer))
    .filter((server) => server !== undefined)
}

/** Which nodes are told to ask: our own first, each once, and no more than an answer has room for. Pure. */
export function mergeStunServers(own: readonly string[], others: readonly string[]): string[] {
  return [...new Set([...own, ...others])].slice(0, maxStunServers)
}
