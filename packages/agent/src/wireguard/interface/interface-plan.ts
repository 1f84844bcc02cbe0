import { publicKeyOf } from '../../identity/keys.ts'
import { meshMark } from '../../routing/tables/mesh-table.ts'
import type { PeerChange, WgInterface, WgPeer } from '../backend/wg-interface.ts'
import type { DeviceRecord } from '../device/device-record.ts'
import { type LinkState, planLink, type WantedLink } from './link.ts'
import type { Sight } from './sight.ts'

export interface WantedInterface {
  name: string
  privateKey: string
  /** 0 for any. */
  listenPort: number
  keepaliveSeconds: number
  link: WantedLink
}

/** The faults of an interface, and their corrections. Peers are planned elsewhere. */
export interface InterfacePlan {
  /** In the past tense, for a drift report; empty if nothing is wrong. */
  faults: readonly string[]
  /** Whatever has the name is removed, and the interface is created. */
  rebuild: boolean
  private_key?: string
  listen_port?: number
  fwmark?: number
  keepalives: readonly PeerChange[]
  ip: readonly string[]
}

/**
 * Pure. An interface is ours, and adopted, when it has our key or the one that we gave it last. `quiet` are the public keys of peers
 * whose keepalive is off for a moment.
 */
export function planInterface(
  wanted: WantedInterface,
  sight: Sight,
  record: DeviceRecord,
  quiet: Pick<ReadonlySet<string>, 'has'> = new Set(),
): InterfacePlan {
  if (sight.state === 'absent') return rebuilt(wanted, 'interface was missing')
  if (sight.state === 'frozen') return rebuilt(wanted, sight.why)
  if (sight.state === 'foreign') return rebuilt(wanted, `interface was not ours: ${sight.why}`)
  const { wg, link } = sight
  const isNewKey = wg.private_key !== wanted.privateKey
  if (isNewKey && !isKeyOf(wg, record)) {
    return rebuilt(wanted, 'interface was not ours: it had another key')
  }
  const isNewPort = wanted.listenPort !== 0 && wg.listen_port !== wanted.listenPort
  const isNewMark = wg.fwmark !== meshMark
  const keepalives = keepalivesOf(wanted, wg.peers, record, quiet)
  const repairs = planLink(wanted.name, wanted.link, link)
  return {
    faults: [
      ...(isNewKey ? ['private key was an older one'] : []),
      ...(isNewPort ? [`listen port was ${wg.listen_port} instead of ${wanted.listenPort}`] : []),
      ...(isNewMark ? ['its packets were not marked: they could go into the mesh'] : []),
      ...(keepalives.length > 0 ? [`keepalive of ${keepalives.length} peers was another`] : []),
      ...repairs.map(({ detail }) => detail),
    ],
    rebuild: false,
    ...(isNewKey ? { private_key: wanted.privateKey } : {}),
    ...(isNewPort ? { listen_port: wanted.listenPort } : {}),
    ...(isNewMark ? { fwmark: meshMark } : {}),
    keepalives,
    ip: repairs.map(({ command }) => command),
  }
}

/** Whether more than peers is changed. */
export function changesInterface({ private_key, listen_port, fwmark, ip }: InterfacePlan): boolean {
  return [private_key, listen_port, fwmark].some((value) => value !== undefined) || ip.length > 0
}

function rebuilt(wanted: WantedInterface, fault: string): InterfacePlan {
  const { name, privateKey, listenPort, link } = wanted
  return {
    faults: [fault],
    rebuild: true,
    private_key: privateKey,
    ...(listenPort === 0 ? {} : { listen_port: listenPort }),
    fwmark: meshMark,
    keepalives: [],
    ip: [
      // The mesh has no IPv6; without this a link-local address causes traffic in it.
      `link set dev ${name} addrgenmode none`,
      ...planLink(name, link, newLink).map(({ command }) => command),
    ],
  }
}

const newLink: LinkState = {
  name: '',
  kind: '',
  up: false,
  mtu: 0,
  addresses: [],
  routes: [],
  mainRoutes: [],
}

function isKeyOf({ private_key }: WgInterface, record: DeviceRecord): boolean {
  return private_key !== '' && publicKeyOf(private_key) === record.public_key
}

/** Keys in a handover keep theirs, because the handover needs it. */
function keepalivesOf(
  { keepaliveSeconds }: WantedInterface,
  peers: readonly WgPeer[],
  { handovers }: DeviceRecord,
  quiet: Pick<ReadonlySet<string>, 'has'>,
): PeerChange[] {
  const rotating = new Set(handovers.flatMap(({ from, to }) => [from, to]))
  const isSpared = (key: string): boolean => quiet.has(key) || rotating.has(key)
  return peers
    .filter((peer) => peer.keepalive_seconds !== keepaliveSeconds && !isSpared(peer.public_key))
    .map(({ public_key }) => ({
      public_key,
      type: 'update',
      keepalive_seconds: keepaliveSeconds,
    }))
}
