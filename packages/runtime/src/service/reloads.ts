import { describeError, type Log } from '../log/log.ts'
import type { ServiceManager } from './service-manager.ts'
import type { ReloadRequests } from './signals.ts'

/** What can reload. */
export interface Reloading {
  reload(): Promise<void>
}

/** Runs reloads one at a time; requests that arrive during one are merged into a single further reload. Listens until the process ends. */
export function listenForReloads(
  requests: ReloadRequests,
  { manager, log }: { manager: ServiceManager; log: Log },
): { begin(daemon: Reloading): void; end(): void } {
  let daemon: Reloading | undefined
  let isAsked = false
  let isRunning = false

  async function run(): Promise<void> {
    if (isRunning) return
    isRunning = true
    while (isAsked && daemon) {
      isAsked = false
      manager.reloading()
      try {
        await daemon.reload()
        log.info('reloaded')
      } catch (error) {
        log.error('reload failed, all stays as it was', { error: describeError(error) })
        manager.status(`reload failed, all stays as it was: ${describeError(error)}`)
      }
      // It serves as before, whatever became of the reload.
      manager.ready()
    }
    isRunning = false
  }

  requests.onRequest(() => {
    isAsked = true
    void run()
  })
  return {
    begin(started) {
      daemon = started
      void run()
    },
    end() {
      daemon = undefined
    },
  }
}
