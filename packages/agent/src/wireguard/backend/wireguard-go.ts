import { rm } from 'node:fs/promises'
import { type Clock, type Exec, ExecError } from '@plexd/runtime'
import { hasSystemd, inScope, isInNetworkOfSystemd } from '../../process/outliving.ts'
import { endProcess, stateOf, untilEnded } from '../../process/process-identity.ts'
import { isAnswered, removeDeadSocket } from '../../process/sockets/unix-listener.ts'
import { tunFault, tunRemedy } from './tun.ts'
import { findDriver, findTunnelProcesses, type TunnelProcess } from './tunnel-processes.ts'

/** The process that drives our interface if the kernel has no WireGuard. */
export interface WireguardGo {
  /** Creates the interface. A process in the way is ended if it drives a tunnel, and loses its socket if not. */
  start(): Promise<void>
  /** The processes that listen on our socket. */
  processes(): Promise<TunnelProcess[]>
  /** Calls `removeInterface`, then ends the processes and removes the socket. */
  end(removeInterface: () => Promise<void>): Promise<void>
  /** Why it must be replaced, if it was stopped; without `search` only if the process is known. */
  whyStopped(options?: { search: boolean }): Promise<string | undefined>
  /** The same after it has not answered; undefined if it may still do so. */
  whySilent(): Promise<string | undefined>
  answered(): void
  /** Whether it was stopped, as of the last second. Called often. */
  isStopped(): boolean
}

export interface WireguardGoOptions {
  interfaceName: string
  socketPath: string
  exec: Exec
  clock: Clock
}

/** How often the process is checked, and how often all processes are searched for it. */
const lookEachMs = 1_000
const searchEachMs = 60_000
/** wireguard-go exits when its interface is gone. */
const patienceMs = 1_000

export function createWireguardGo(options: WireguardGoOptions): WireguardGo {
  const { socketPath, clock } = options
  let known: TunnelProcess | undefined
  let searchedMs = clock.monotonic() - searchEachMs
  let lookedMs = clock.monotonic()
  let stopped = false
  /** Unanswered requests in a row. */
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
 * wireguard-go replaces a socket without a listener, and refuses to start at one with a listener. A process of another
 * network namespace is left alone: it would exit without its socket.
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

/** Outlives the daemon. The command returns once the interface exists. */
async function startProgram({ interfaceName: name, exec }: WireguardGoOptions): Promise<void> {
  const isService = hasSystemd()
  if (isService && (await isInNetworkOfSystemd()) && (await startUnit(name, exec))) return
  // In its own session, so that it outlives the terminal too. Its errors go to stdout, and stderr gets a banner if the kernel
  // has WireGuard too.
  const quiet = 'exec wireguard-go "$0" 3>&2 2>/dev/null >&3 3>&-'
  const command = ['setsid', 'env', '-u', 'LOG_LEVEL', 'sh', '-c', quiet, name] as const
  try {
    await exec(isService ? [...inScope(`WireGuard interface ${name}`), ...command] : command)
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

/** That of our packages, with a sandbox. False where it is not installed or cannot start: systemd's journal has the reason. */
function startUnit(name: string, exec: Exec): Promise<boolean> {
  return exec(['systemctl', 'start', `plexd-wireguard@${name}.service`]).then(
    () => true,
    () => false,
  )
}
