import type { LocalApiOptions } from '../local-api/server.ts'

/** What programs on the node see of the daemon; each stage of its life has more to show. */
export type View = Pick<
  LocalApiOptions,
  'status' | 'peers' | 'policies' | 'network' | 'fetchSecret' | 'nsk'
>

/** The view of the stage that the daemon has reached: who looks need not know which that is. */
export interface ShownView extends View {
  /** What a stage shows more, or better, than the one before. */
  show(more: Partial<View>): void
}

export function createShownView(first: View): ShownView {
  let now = first
  return {
    status: () => now.status(),
    peers: () => now.peers(),
    policies: () => now.policies(),
    network: () => now.network(),
    fetchSecret: (key, signal) => now.fetchSecret(key, signal),
    nsk: () => now.nsk(),
    show(more) {
      now = { ...now, ...more }
    },
  }
}
