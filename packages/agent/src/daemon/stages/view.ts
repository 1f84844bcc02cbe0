import type { NodeFacts } from '../../actions/builtin/node-facts.ts'
import type { LocalApiOptions } from '../../local-api/server.ts'

/** What local programs and actions see of the daemon, and may ask it to do; each stage can show more. */
export type View = Pick<
  LocalApiOptions,
  | 'status'
  | 'peers'
  | 'policies'
  | 'network'
  | 'fetchSecret'
  | 'nsk'
  | 'runAction'
  | 'sessions'
  | 'admitSession'
  | 'metricsText'
  | 'takeMetrics'
> &
  Pick<NodeFacts, 'openPing' | 'reconnect' | 'reload' | 'restart' | 'secrets' | 'upgrade'>

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
    runAction: (request, signal) => now.runAction(request, signal),
    sessions: () => now.sessions(),
    admitSession: (token, uid) => now.admitSession(token, uid),
    metricsText: () => now.metricsText(),
    takeMetrics: (body, user) => now.takeMetrics(body, user),
    openPing: (use) => now.openPing(use),
    reconnect: (signal) => now.reconnect(signal),
    reload: () => now.reload(),
    restart: () => now.restart(),
    secrets: () => now.secrets(),
    upgrade: (request, context) => now.upgrade(request, context),
    show(more) {
      now = { ...now, ...more }
    },
  }
}
