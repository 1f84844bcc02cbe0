import {
  type AdjustableLog,
  createKeptLines,
  createLog,
  type KeptLines,
  type ReloadRequests,
  runUntilSignal,
  startMemoryReturn,
  systemClock,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { rememberSettings } from '../config/remembered.ts'
import { startAgent, stopAgentMs } from '../daemon/agent.ts'
import { createRestart, type Restart } from '../daemon/restart.ts'
import { loadIdentity } from '../identity/identity.ts'
import { claimMesh, type MeshPlace, openMesh } from '../mesh/open-mesh.ts'
import { withJoinString } from '../registration/join-string.ts'
import { launch } from '../upgrade/launch.ts'
import { type Caller, type Flags, loadConfigFor } from './given/flags.ts'
import { readLine } from './given/stdin.ts'

/** Runs until SIGTERM or SIGINT, as the version that is to run; SIGHUP reloads the settings and the CA file; a restart runs it anew in the same process. The mesh stays up afterwards: "plexd down" removes it. */
export async function runUp(
  flags: Flags,
  _given: unknown,
  { reloadRequests }: Caller,
): Promise<void> {
  const config = await joining(await loadConfigFor(flags))
  const kept = createKeptLines()
  const log = createLog('plexd', config.logLevel, kept)
  await launch({ config, reloadRequests, clock: systemClock, log })
  // Like SIGTERM, so with everything that belongs to it.
  const restart = createRestart({ stop: () => process.kill(process.pid, 'SIGTERM'), log })
  await runDaemon(config, { flags, kept, log, restart, reloadRequests })
  restart.startAgain()
}

/** A node that is not enrolled yet may have a join string in its file. */
async function joining(config: AgentConfig): Promise<AgentConfig> {
  const known = await loadIdentity(config.dataDir, config.hostname)
  return known ? config : await withJoinString(config, { env: process.env, stdin: readLine })
}

interface Surroundings {
  flags: Flags
  kept: KeptLines
  log: AdjustableLog
  restart: Restart
  reloadRequests: ReloadRequests | undefined
}

/** When it resolves, the next daemon may take what this one had. */
async function runDaemon(
  config: AgentConfig,
  { flags, kept, log, restart, reloadRequests }: Surroundings,
): Promise<void> {
  await using _claim = config.meshEnabled ? await claimMesh(config) : undefined
  const mesh = config.meshEnabled
    ? { openMesh: (place: MeshPlace) => openMesh(config, place, log) }
    : {}
  const remember = (): Promise<void> => rememberSettings(config, flags.settings)
  using _memory = startMemoryReturn({ clock: systemClock, log })
  const readSettings = (): Promise<AgentConfig> => loadConfigFor(flags)
  const around = { log, kept, readSettings, setLogLevel: log.setLevel, restart: restart.request }
  await runUntilSignal(
    async (signal) => {
      const agent = await startAgent(config, { ...around, signal, remember, ...mesh })
      return {
        reload: async () => void agent.reload(await readSettings()),
        [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
      }
    },
    { log, reloadRequests, stopMs: stopAgentMs, onLate: restart.startAgain },
  )
}
