import { createLog, runUntilSignal, startMemoryReturn, systemClock } from '@plexd/runtime'
import { rememberSettings } from '../config/remembered.ts'
import { startAgent, stopAgentMs } from '../daemon/agent.ts'
import { claimMesh, type MeshPlace, openMesh } from '../mesh/open-mesh.ts'
import { type Caller, type Flags, loadConfigFor } from './flags.ts'

/** Runs until SIGTERM or SIGINT; SIGHUP reloads the settings and the CA file. The mesh stays up afterwards: "plexd down" removes it. */
export async function runUp(
  flags: Flags,
  _given: unknown,
  { reloadRequests }: Caller,
): Promise<void> {
  const config = await loadConfigFor(flags)
  const log = createLog('plexd', config.logLevel)
  await using _claim = config.meshEnabled ? await claimMesh(config) : undefined
  const mesh = config.meshEnabled
    ? { openMesh: (place: MeshPlace) => openMesh(config, place, log) }
    : {}
  const remember = (): Promise<void> => rememberSettings(config, flags.settings)
  using _memory = startMemoryReturn({ clock: systemClock, log })
  await runUntilSignal(
    async (signal) => {
      const agent = await startAgent(config, { log, signal, remember, ...mesh })
      return {
        async reload() {
          const next = await loadConfigFor(flags)
          agent.reload(next)
          log.setLevel(next.logLevel)
        },
        [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
      }
    },
    { log, reloadRequests, stopMs: stopAgentMs },
  )
}
