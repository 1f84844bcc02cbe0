import { spawn } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { createInterface } from 'node:readline'
import { type Clock, createBackoff, type Log } from '@plexd/runtime'
import { startTask } from '../task.ts'

export interface NetworkMonitorOptions {
  interfaceName: string
  /** Something was said of the interface, or may have been missed. */
  onChange(): void
  /** The machine has other addresses, or another way out, than before. */
  onMove(): void
  clock: Clock
  log: Log
}

/** It would outlive a killed daemon until the next change of the network. */
const withDaemon = ['setpriv', '--pdeathsig', 'KILL']
/** Not for one device: the interface that comes back after a removal is another one to the kernel. */
const monitor = ['ip', '-oneline', 'monitor', 'link', 'address', 'route']

/** Keeps an `ip monitor` running and tells what it says. */
export function startNetworkMonitor(options: NetworkMonitorOptions): AsyncDisposable {
  const { interfaceName, onChange, onMove, clock, log } = options
  const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000 })
  const isOurs = new RegExp(`\\b${RegExp.escape(interfaceName)}\\b`)
  let addresses = addressesBeside(interfaceName)

  function read(line: string): void {
    if (isOurs.test(line)) onChange()
    const now = addressesBeside(interfaceName)
    if (now === addresses && !isWayOut.test(line)) return
    addresses = now
    onMove()
  }

  return startTask(async (signal) => {
    for (;;) {
      const startedMs = clock.monotonic()
      const why = await readLines([...withDaemon, ...monitor], signal, read)
      signal.throwIfAborted()
      if (clock.monotonic() - startedMs > 60_000) backoff.reset()
      log.warn('ip monitor ended, will be started again', { error: why })
      await clock.sleep(backoff.nextMs(), signal)
      onChange()
    }
  })
}

const isWayOut = /^default /

/** Of all other interfaces, as one text to compare. */
function addressesBeside(interfaceName: string): string {
  return Object.entries(networkInterfaces())
    .filter(([name]) => name !== interfaceName)
    .flatMap(([, infos = []]) => infos.map(({ address }) => address))
    .sort()
    .join()
}

/** Runs a program until it ends or is no longer wanted; resolves to why it ended. */
function readLines(
  [program = '', ...args]: readonly string[],
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], signal })
  createInterface(child.stdout).on('line', onLine)
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, killedBy) => resolve(`${killedBy ?? `exit code ${code}`}`))
  })
}
