/**
 * Everything plexd configures in a machine's network, one row each. All commands that remove it use
 * this table, and docs/reference/network.md is generated from it.
 */
import { removeBackstops } from '../firewall/backstop/backstop.ts'
import { removeTableOf } from '../firewall/nft/table.ts'
import { removeStunRules } from '../nat/stun/stun-table.ts'
import { removeDeadSocket } from '../process/sockets/unix-listener.ts'
import { restoreMarkedReturn } from '../routing/reverse-path.ts'
import { removeMeshRouting } from '../routing/run-ip.ts'
import { lockPacketFilter } from '../wireguard/interface/interface-lock.ts'

interface Row {
  name: string
  what: string
  /** The command that shows it, or its path. */
  look: string
}

/** Outlives the daemon, because traffic does not need it. */
interface Staying extends Row {
  /** `namespace`: there is one per network namespace, and only the plexd that owns the packet filter there may remove it. */
  of: 'interface' | 'namespace'
  /** Something missing is not a failure. */
  remove(place: Footprint): Promise<unknown>
}

/** Ends with something else. */
interface Passing extends Row {
  endsWith: string
}

/** Identifies the plexd to which it belongs. */
export interface Footprint {
  interfaceName: string
  /** The Local Node API's socket. */
  socketPath: string
  /** Whether this plexd is certain to have run here: then unlabelled objects are its own. */
  isCertain: boolean
  /** How to tell whose it is. */
  removeInterface(): Promise<unknown>
}

/** In order of removal: the packet filter is last, when there is nothing left for it to protect. */
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
  /** Whether this process owns the packet filter of the network namespace; otherwise nobody may own it. */
  drivesFilter?: boolean
  rows?: readonly Staying[]
}

/** Removes all of it. Stops at a row that fails, because the rows after it protect what is left. */
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

/** The rows to remove when packets are no longer to be filtered. */
export const filterRows = staying.filter(({ name }) => ['packet filter', 'backstop'].includes(name))
