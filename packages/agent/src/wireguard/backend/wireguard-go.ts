import { rm } from 'node:fs/promises'
import { type Clock, type Exec, ExecError } from '@plexd/runtime'
import { endProcess, stateOf, untilEnded } from '../../process/process-identity.ts'
import { isAnswered, removeDeadSocket } from '../../process/unix-listener.ts'
import { tunFault, tunRemedy } from './tun.ts'
import { findDriver, findTunnelProcesses, type TunnelProcess } from './tunnel-processes.ts'

/** The process that drives our interface where the kernel does not. */
export interface WireguardGo {
  /** Makes the interface. Who stands in the way is ended if it drives a tunnel, and left without its socket if not. */
  start(): Promise<void>
  /** Those that listen where ours does. */
  processes(): Promise<TunnelProcess[]>
  /** Ends them, once `removeInterface` has taken from them what they drive, and removes the socket. */
  end(removeInterface: () => Promise<void>): Promise<void>
  /** Why it must be replaced, if it was stopped; without `search` only where it is known which process it is. */
  whyStopped(options?: { search: boolean }): Promise<string | undefined>
  /** The same when it has just given no answer; undefined when that may come yet. */
  whySilent(): Promise<string | undefined>
  answered(): void
  /** Whether it was stopped, as seen within the last second. Asked often. */
  isStopped(): boolean
}

export interface WireguardGoOptions {
  interfaceName: string
  socketPath: string
  exec: Exec
  clock: Clock
}

/** Between two looks at the process, and between two at all processes where it is not found. */
const lookEachMs = 1_000
const searchEachMs = 60_000
/** wireguard-go ends by itself when its interface is gone. */
const patienceMs = 1_000

export function createWireguardGo(options: WireguardGoOptions): WireguardGo {
  const { socketPath, clock } = options
  let known: TunnelProcess | undefined
  let searchedMs = clock.monotonic() - searchEachMs
  let lookedMs = clock.monotonic()
  let stopped = false
  /** Questions in a row that had no answer. */
  let silences = 0

  const processes = (): Promise<TunnelProcess[]> => findTunnelProcesses(socketPath)
  const search = async (): Promise<void> => {
    searchedMs = clock.monotonic()
    known = await findDriver(socketPath)
  }

  async function look(): Promise<void> {
    if (!known && clock.monotonic() - searchedMs >= searchEachMs) await search()
    const state = known && (await stateOf(known))
    if (state === undefined) known = undefined
    stopped = isStop(state)
  }

  function forget(): void {
    known = undefined
    searchedMs = clock.monotonic() - searchEachMs
    stopped = false
    silences = 0
  }

  async function whyStopped({ search: isWanted = false } = {}): Promise<string | undefined> {
    if (isWanted) await search()
    if (!known || !isStop(await stateOf(known))) return undefined
    return `wireguard-go, process ${known.pid}, was stopped`
  }

  return {
    processes,
    whyStopped,
    async start() {
      forget()
      await clearWay(options)
      await startProgram(options)
    },
    async end(removeInterface) {
      forget()
      const ours = (await processes()).filter(({ drives }) => drives)
      await removeInterface()
      for (const process_ of ours)
        if (!(await untilEnded(process_, { ...clock, patienceMs })))
          await endProcess(process_, clock)
      await removeDeadSocket(socketPath)
    },
    async whySilent() {
      silences++
      await search()
      if (!known) return undefined
      const twice = `wireguard-go, process ${known.pid}, gave no answer, twice`
      return (await whyStopped()) ?? (silences > 1 ? twice : undefined)
    },
    answered() {
      silences = 0
    },
    isStopped() {
      if (clock.monotonic() - lookedMs >= lookEachMs) {
        lookedMs = clock.monotonic()
        look().catch(() => {}) // without /proc nothing is known
      }
      return stopped
    },
  }
}

/** By a signal, or by a debugger (proc(5)). */
export function isStop(state: string | undefined): boolean {
  return state === 'T' || state === 't'
}

/**
 * wireguard-go takes the place of a socket that nobody serves; with one that somebody serves it refuses. A process of
 * another network is none that we may end, and would end by itself without its socket.
 */
async function clearWay({ interfaceName, socketPath, clock }: WireguardGoOptions): Promise<void> {
  if (!(await isAnswered(socketPath))) return
  const found = await findTunnelProcesses(socketPath)
  for (const process_ of found) if (process_.drives) await endProcess(process_, clock)
  if (found.some(({ drives }) => !drives)) await rm(socketPath, { force: true })
  if (await isAnswered(socketPath)) throw new Error(elsewhere(interfaceName, socketPath))
}

function elsewhere(interfaceName: string, socketPath: string): string {
  return `make interface "${interfaceName}": a process of another network namespace has the socket "${socketPath}": end that, give each namespace a /run of its own, or name another interface as "mesh.interface" in the config`
}

/**
 * In a session of its own, so that it outlives the daemon and the terminal; the command returns when the interface
 * stands. Its complaints go to stdout, and stderr gets a banner whenever the kernel has WireGuard too.
 */
async function startProgram({ interfaceName: name, exec }: WireguardGoOptions): Promise<void> {
  const quiet = 'exec wireguard-go "$0" 3>&2 2>/dev/null >&3 3>&-'
  try {
    await exec(['setsid', 'env', '-u', 'LOG_LEVEL', 'sh', '-c', quiet, name])
  } catch (error) {
    const isMissing = error instanceof ExecError && error.exitCode === 127 && !error.missing
    if (isMissing)
      throw new Error(
        `make interface "${name}": the kernel has no WireGuard and wireguard-go is not installed: install the package wireguard-go, or load the module wireguard`,
      )
    const fault = await tunFault()
    if (fault !== undefined)
      throw new Error(
        `make interface "${name}": the kernel has no WireGuard, and wireguard-go no way in: ${fault}: ${tunRemedy}`,
      )
    throw new Error(`make interface "${name}" with wireguard-go`, { cause: error })
  }
}
