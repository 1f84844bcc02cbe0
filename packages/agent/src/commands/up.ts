import type { DaemonStatus } from '@plexd/protocol'
import {
  type AdjustableLog,
  createKeptLines,
  createLog,
  type DaemonStart,
  type KeptLines,
  openServiceManager,
  runUntilSignal,
  type ServiceManager,
  type ServiceProbe,
  startMemoryReturn,
  systemClock,
} from '@plexd/runtime'
import type { Static } from 'typebox'
import type { AgentConfig } from '../config/agent-config.ts'
import { rememberSettings } from '../config/remembered.ts'
import { startAgent, stopAgentMs } from '../daemon/agent.ts'
import { createRestart, type Restart } from '../daemon/restart.ts'
import { describeService, probeSocket } from '../health/service-probe.ts'
import { loadIdentity } from '../identity/identity.ts'
import { claimMesh, type MeshPlace, openMesh } from '../mesh/open-mesh.ts'
import { withJoinString } from '../registration/join-string.ts'
import { launch } from '../upgrade/launch.ts'
import { type Caller, type Flags, loadConfigFor } from './given/flags.ts'
import { readLine } from './given/stdin.ts'

/** Runs until SIGTERM or SIGINT, as the version that is to run; SIGHUP reloads the settings and the CA file; a restart runs it anew in the same process. The mesh stays up afterwards: "plexd down" removes it. */
export async function runUp(flags: Flags, _given: unknown, { daemonStart }: Caller): Promise<void> {
  // What systemd has told us is no longer in our own environment.
  const env = { ...process.env, ...daemonStart?.service }
  const readSettings = (): Promise<AgentConfig> => loadConfigFor(flags, env)
  const config = await withSavedJoin(await readSettings(), env)
  const kept = createKeptLines()
  const log = createLog('plexd', config.logLevel, kept)
  const manager = openServiceManager(daemonStart?.service ?? {}, log)
  await launch({ config, daemonStart, manager, stopMs: stopAgentMs, clock: systemClock, log })
  // Like SIGTERM, so with everything that belongs to it.
  const stop = (): void => void process.kill(process.pid, 'SIGTERM')
  const restart = createRestart({ stop, service: daemonStart?.service, log })
  await runDaemon(config, { flags, readSettings, kept, log, restart, daemonStart, manager })
  restart.startAgain()
}

/** A node that is not enrolled yet may have a join string in its file. */
async function withSavedJoin(config: AgentConfig, env: NodeJS.ProcessEnv): Promise<AgentConfig> {
  const known = await loadIdentity(config.dataDir, config.hostname)
  return known ? config : await withJoinString(config, { env, stdin: readLine })
}

interface Surroundings {
  flags: Flags
  readSettings(): Promise<AgentConfig>
  kept: KeptLines
  log: AdjustableLog
  restart: Restart
  daemonStart: DaemonStart | undefined
  manager: ServiceManager
}

/** When it resolves, the next daemon may take what this one had. */
async function runDaemon(
  config: AgentConfig,
  { flags, readSettings, kept, log, restart, daemonStart, manager }: Surroundings,
): Promise<void> {
  await using _claim = config.meshEnabled ? await claimMesh(config) : undefined
  const mesh = config.meshEnabled
    ? { openMesh: (place: MeshPlace) => openMesh(config, place, log) }
    : {}
  const remember = (): Promise<void> => rememberSettings(config, flags.settings)
  using _memory = startMemoryReturn({ clock: systemClock, log })
  const around = { log, kept, readSettings, setLogLevel: log.setLevel, restart: restart.request }
  const { probe, onServing } = createProbe(config)
  await runUntilSignal(
    async (signal) => {
      const agent = await startAgent(config, { ...around, signal, remember, onServing, ...mesh })
      return {
        reload: async () => void (await agent.reload()),
        [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
      }
    },
    {
      log,
      manager,
      probe,
      reloadRequests: daemonStart?.reloadRequests,
      isRestarting: restart.isRequested,
      stopMs: stopAgentMs,
      onLate: restart.startAgain,
    },
  )
}

type Status = () => Static<typeof DaemonStatus>

/** A daemon without a socket is ready when it would serve, and alive as long as it can say how it is. */
function createProbe({ socketEnabled, socketPath }: AgentConfig): {
  probe: ServiceProbe
  onServing(status: Status): void
} {
  let status: Status | undefined
  const askSelf: ServiceProbe = async () => {
    if (!status) throw new Error('it is starting')
    return describeService(status())
  }
  return {
    probe: socketEnabled ? probeSocket(socketPath, () => process.pid) : askSelf,
    onServing: (given) => {
      status = given
    },
  }
}
