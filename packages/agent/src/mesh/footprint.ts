/**
 * All that plexd takes from the network of a machine, one row for each: what takes it away again, on whatever way, takes
 * it from here, and docs/reference/network.md is this table.
 */
import { removeBackstops } from '../firewall/backstop/backstop.ts'
import { removeTableOf } from '../firewall/nftables.ts'
import { removeStunRules } from '../nat/wireguard-port.ts'
import { removeDeadSocket } from '../process/unix-listener.ts'
import { removeMeshRouting } from '../routing/mesh-routing.ts'
import { restoreMarkedReturn } from '../routing/reverse-path.ts'
import { lockPacketFilter } from '../wireguard/interface/interface-lock.ts'

interface Row {
  name: string
  what: string
  /** What to type to see it, or where it is. */
  look: string
}

/** Outlives the daemon, because packets need none. */
interface Staying extends Row {
  /** `namespace`: there is one in a network namespace, and who drives the packet filter there may take it away. */
  of: 'interface' | 'namespace'
  /** That there is nothing is no failure. */
  remove(place: Footprint): Promise<unknown>
}

/** Ends with something else. */
interface Passing extends Row {
  endsWith: string
}

/** Whose it is. */
export interface Footprint {
  interfaceName: string
  /** Of the Local Node API. */
  socketPath: string
  /** Whether this plexd has been here beyond doubt: what does not say whose it is, is its own then. */
  isCertain: boolean
  /** By whom it is known which one it is. */
  removeInterface(): Promise<unknown>
}

/** In the order in which it is taken away: the filter goes last, when nothing is left that it keeps shut. */
const staying: readonly Staying[] = [
  {
    name: 'interface',
    what: 'the mesh interface with address, keys and peers; where the kernel has no WireGuard, a process `wireguard-go` with its socket; a file that says what it was given',
    look: '`ip address show plexd0`; `/var/run/wireguard/plexd0.sock`; `/run/plexd/plexd0.json`',
    of: 'interface',
    remove: (place) => place.removeInterface(),
  },
  {
    name: 'routing',
    what: 'one rule, and the table that it leads to: the range of the mesh through the interface, the same as `unreachable` behind it, and a `throw` for what of it is not of the mesh',
    look: '`ip rule`; `ip route show table 8293`',
    of: 'interface',
    remove: ({ interfaceName }) => removeMeshRouting(interfaceName),
  },
  {
    name: 'marks on the way back',
    what: 'a setting of the kernel, where a peer stands in the mesh range and the kernel is strict about ways back (`rp_filter`); it is put back to what it was',
    look: '`sysctl net.ipv4.conf.all.src_valid_mark`',
    of: 'interface',
    remove: () => restoreMarkedReturn(),
  },
  {
    name: 'STUN rules',
    what: 'rules that let a socket of plexd ask from the port of WireGuard; a daemon that is not killed takes them away itself',
    look: '`nft list table inet plexd_stun`',
    of: 'namespace',
    remove: () => removeStunRules(),
  },
  {
    name: 'packet filter',
    what: 'the rules of the policies',
    look: '`nft list table inet plexd`',
    of: 'namespace',
    remove: ({ interfaceName, isCertain }) =>
      removeTableOf(interfaceName, { ifUnknown: isCertain }),
  },
  {
    name: 'backstop',
    what: 'a process `nft` by the name `plexd-backstop`, and the table that it holds: without the packet filter nothing passes',
    look: '`nft list tables | grep plexd_backstop`; `ps -C nft -f`',
    of: 'interface',
    remove: ({ interfaceName }) => removeBackstops(interfaceName),
  },
  {
    name: 'socket of the Local Node API',
    what: 'the file, where a daemon that was killed has left it',
    look: '`/var/run/plexd/api.sock`',
    of: 'interface',
    remove: ({ socketPath }) => removeDeadSocket(socketPath),
  },
]

const passing: readonly Passing[] = [
  {
    name: 'port of WireGuard',
    what: 'UDP 51820, of the kernel or of `wireguard-go`, on all addresses',
    look: '`wg show plexd0 listen-port`',
    endsWith: 'the interface',
  },
  {
    name: 'port for questions',
    what: 'a UDP port that was free, to ask STUN servers from',
    look: '`ss -ulnp`',
    endsWith: 'the daemon',
  },
  {
    name: 'Local Node API by TCP',
    what: 'a port on loopback, where the config wants one',
    look: '`ss -tlnp`',
    endsWith: 'the daemon',
  },
  {
    name: 'watches',
    what: 'a process `ip monitor`; sockets that hear of changes of the packet filter, and that probe how large packets may be',
    look: '`ss -f netlink -p`; `ss -wnp`',
    endsWith: 'the daemon',
  },
  {
    name: 'locks',
    what: 'one for the interface, one for the packet filter: which process drives them',
    look: '`/run/plexd/net-*/*.lock`',
    endsWith: 'the daemon',
  },
]

/** All rows. */
export const footprint = { staying, passing }

export interface RemoveOptions {
  /** Whether this process drives the packet filter of the network namespace; else it must be nobody who does. */
  drivesFilter?: boolean
  rows?: readonly Staying[]
}

/** Takes all of it away. What is wrong with one row leaves those behind it: they keep shut what is still there. */
export async function removeFootprint(
  place: Footprint,
  { drivesFilter = false, rows = staying }: RemoveOptions = {},
): Promise<void> {
  await using lock = drivesFilter ? null : ((await lockPacketFilter()) ?? null)
  const mayFilter = drivesFilter || lock !== null
  for (const { name, of, remove } of rows) {
    if (of === 'namespace' && !mayFilter) continue
    try {
      await remove(place)
    } catch (cause) {
      throw new Error(`take away the ${name}`, { cause })
    }
  }
}

/** Of which nothing may go on where packets are not to be filtered any more. */
export const filterRows = staying.filter(({ name }) => ['packet filter', 'backstop'].includes(name))
