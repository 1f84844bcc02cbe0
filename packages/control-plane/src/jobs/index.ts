import type { App } from '../app.ts'
import { markStaleNodes } from './mark-stale-nodes.ts'
import type { Job } from './periodic.ts'
import { pruneEvents } from './prune-events.ts'
import { saveLastSeen } from './save-last-seen.ts'

/** What a control plane does on its own account. */
export function jobsOf(app: App): Job[] {
  const { heartbeatIntervalMs } = app.config
  return [
    {
      name: 'keep streams alive',
      everyMs: 15_000,
      run: async () => app.streams.keepAlive(),
    },
    {
      name: 'mark stale nodes',
      everyMs: Math.min(2_000, heartbeatIntervalMs / 5),
      run: () => markStaleNodes(app),
    },
    { name: 'save last seen', everyMs: 30_000, run: () => saveLastSeen(app) },
    { name: 'prune events', everyMs: 10 * 60_000, run: () => pruneEvents(app) },
    {
      name: 'drop expired signing key',
      everyMs: 5_000,
      run: () => app.keyring.dropExpired(app.change),
    },
  ]
}
