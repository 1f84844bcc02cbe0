import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { cidrsOverlap, parseCidr } from '@plexd/protocol'
import { type Clock, createBackoff, followTool, type Log } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { readDefaultRoutes } from './default-routes.ts'
import { meshTable } from './mesh-table.ts'

export interface NetworkMonitorOptions {
  interfaceName: string
  /** The interface, a rule or a route into the mesh has changed, or a change may have been missed. */
  onChange(): void
  /** The machine's addresses or default routes have changed. */
  onMove(): void
  /** Why changes are noticed late; undefined once they are not. */
  onUnwatched(why: string | undefined): void
  /** CIDR; throws while unknown. */
  meshRanges(): readonly string[]
  clock: Clock
  log: Log
}

/** Without it, the monitor would outlive a killed daemon until the next change of the network. */
const withDaemon = ['setpriv', '--pdeathsig', 'KILL'] as const
/** Not for one device: an interface that is created again is another device to the kernel. */
const monitor = ['ip', '-oneline', 'monitor', 'link', 'address', 'route', 'rule'] as const

/** Keeps an `ip monitor` running and reports what it prints. */
export function startNetworkMonitor(options: NetworkMonitorOptions): AsyncDisposable {
  const { interfaceName, onChange, onMove, onUnwatched, clock, log } = options
  const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000 })
  let addresses = addressesBeside(interfaceName)
  let wayOut = readWayOut()
  // A line about our interface after it was renamed has the new name only.
  let wasThere = isDevice(interfaceName)

  function read(line: string): void {
    const isThere = isLink.test(line) ? isDevice(interfaceName) : wasThere
    if (concernsMesh(line, options) || (wasThere && !isThere)) onChange()
    wasThere = isThere
    const now = addressesBeside(interfaceName)
    const out = isWayOut.test(line) ? readWayOut() : wayOut
    // Without any default route there is nothing to report through: what counts is the next one, if it differs.
    const isMove = now !== addresses || (out !== '' && out !== wayOut)
    addresses = now
    wayOut = out || wayOut
    if (isMove) onMove()
  }

  return startTask(async (signal) => {
    for (;;) {
      const startedMs = clock.monotonic()
      const why = await followTool([...withDaemon, ...monitor], {
        signal,
        onStart: () => onUnwatched(undefined),
        onLine: read,
      })
      signal.throwIfAborted()
      onUnwatched(why)
      if (clock.monotonic() - startedMs > 60_000) backoff.reset()
      log.warn('ip monitor ended, will be started again', { error: why })
      await clock.sleep(backoff.nextMs(), signal)
      onChange()
    }
  })
}

const isLink = /^\d+: [^ ]+: </

/** Not by os.networkInterfaces: it uses the labels of addresses, which keep the old name after a renaming. */
export function isDevice(name: string): boolean {
  const devices = readFileSync('/proc/net/dev', 'utf8').split('\n')
  return devices.some((line) => line.trimStart().startsWith(`${name}:`))
}

const isWayOut = /^(Deleted )?default /

/**
 * Whether a line of `ip monitor` may be about routing into the mesh: it names the interface or the table, is about a
 * rule, or about a network that overlaps the mesh. Pure.
 */
export function concernsMesh(
  line: string,
  { interfaceName, meshRanges }: Pick<NetworkMonitorOptions, 'interfaceName' | 'meshRanges'>,
): boolean {
  const names = [interfaceName, meshTable].map(RegExp.escape).join('|')
  if (new RegExp(`\\b(${names})\\b`).test(line) || isRule.test(line)) return true
  const [, dst] = destination.exec(line) ?? []
  return dst !== undefined && touches(dst, meshRanges)
}

const isRule = /^(Deleted )?\d+:\s+(not )?from /
/** Of a route; its type, if any, comes first. */
const destination = /^(?:Deleted )?(?:[a-z]+ )?(\d+\.\d+\.\d+\.\d+(?:\/\d+)?) /

function touches(dst: string, meshRanges: () => readonly string[]): boolean {
  try {
    const network = parseCidr(dst)
    return meshRanges().some((range) => cidrsOverlap(network, parseCidr(range)))
  } catch {
    return false
  }
}

/** The default routes, as one text to compare; empty when there is none. */
function readWayOut(): string {
  return readDefaultRoutes()
    .map((route) => Object.values(route).join(' '))
    .join()
}

/** Of all other interfaces, as one text to compare. */
function addressesBeside(interfaceName: string): string {
  return Object.entries(networkInterfaces())
    .filter(([name]) => name !== interfaceName)
    .flatMap(([, infos = []]) => infos.map(({ address }) => address))
    .sort()
    .join()
}
