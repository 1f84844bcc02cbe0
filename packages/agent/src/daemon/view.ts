import type { LocalApiOptions } from '../local-api/server.ts'

/** What local programs see of the daemon; each stage can show more. */
export type View = Pick<
  LocalApiOptions,
  'status' | 'peers' | 'policies' | 'network' | 'fetchSecret' | 'nsk'
>

/** The view of the current stage; readers need not know which stage that is. */
export interface ShownView extends View {
  /** What a stage adds to the view, or replaces. */
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
