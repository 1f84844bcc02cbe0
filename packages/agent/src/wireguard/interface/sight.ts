import type { Backend, WgInterface } from '../backend/wg-interface.ts'
import type { LinkState } from './link.ts'

/** An observation of our interface. */
export type Sight =
  | { state: 'absent' }
  /** Something that cannot be driven has its name; `why` in words. */
  | { state: 'foreign'; why: string; kind: string }
  /** Its process does not answer, and never will. */
  | { state: 'frozen'; why: string }
  /** `link.name` differs if it was renamed. */
  | { state: 'wireguard'; backend: Backend; link: LinkState; wg: WgInterface }

export type WireguardSight = Extract<Sight, { state: 'wireguard' }>

/** Whether it is or was a WireGuard tunnel, with or without its process. */
export function isTunnel(sight: Sight): boolean {
  const { state } = sight
  return (
    state === 'wireguard' || state === 'frozen' || (state === 'foreign' && sight.kind === 'tun')
  )
}
