/** How the packet filter rules of other programs affect the mesh. */
import type { Cidr } from '@plexd/protocol'
import { walkChain } from './chain-walk.ts'
import type { Chain } from './nft-json.ts'
import type { Probe } from './packet-match.ts'

export interface MeshTraffic {
  interface: string
  wireguardPort: number
  /** Undefined if unknown. */
  meshRanges: readonly Cidr[] | undefined
  /** The interface of the default route; undefined if unknown. */
  uplink?: string | undefined
}

export interface Obstacle {
  detail: string
  /** The command to run. */
  remedy: string
}

/** Chains that drop packets in the mesh, or WireGuard's own. Pure. */
export function findShutChains(chains: readonly Chain[], traffic: MeshTraffic): Obstacle[] {
  return passagesOf(traffic).flatMap(({ hook, probes, fault, admit }) =>
    chainsOn(chains, hook)
      .filter((chain) => probes.some((probe) => walkChain(chain, chains, probe).verdict === 'drop'))
      .map((chain) => {
        const manager = managerOf(chain, chains)
        const { label, remedy } = managers[manager]
        return {
          detail: `chain "${placeOf(chain)}"${label} ${fault}`,
          remedy: remedy(admit[manager], chain),
        }
      }),
  )
}

/** One kind of packets of the mesh on this machine. */
interface Passage {
  hook: 'input' | 'output'
  probes: readonly Probe[]
  /** What a chain that drops them does. */
  fault: string
  /** What each manager must be told so that they pass. */
  admit: Readonly<Record<Manager, string>>
}

function passagesOf({ interface: mesh, wireguardPort: port, ...traffic }: MeshTraffic): Passage[] {
  const { uplink, meshRanges = [undefined] } = traffic
  return [
    {
      hook: 'input',
      probes: fromPeers({ interface: mesh, meshRanges }),
      fault: `drops what peers send: nothing in it admits ${mesh}, so that what policy allows does not arrive; policy alone may decide there`,
      admit: {
        ufw: `allow in on ${mesh}`,
        firewalld: `firewall-cmd --permanent --zone=trusted --add-interface=${mesh} && firewall-cmd --reload`,
        iptables: `-i ${mesh}`,
        nft: `iifname "${mesh}"`,
      },
    },
    {
      hook: 'input',
      probes: [{ iifname: undefined, oifname: 'none', protocol: 'udp', port }],
      fault: `drops WireGuard: nothing in it admits UDP port ${port}, so that peers are heard only after this node spoke to them`,
      admit: {
        ufw: `allow ${port}/udp`,
        firewalld: `firewall-cmd --permanent --add-port=${port}/udp && firewall-cmd --reload`,
        iptables: `-p udp --dport ${port}`,
        nft: `udp dport ${port}`,
      },
    },
    {
      hook: 'output',
      probes: meshRanges.map((destination) => ({ iifname: 'none', oifname: mesh, destination })),
      fault: `drops what is for peers: nothing in it admits ${mesh}, so that nothing leaves into the mesh`,
      admit: {
        ufw: `allow out on ${mesh}`,
        firewalld: `firewall-cmd --list-all-policies, and have the one that drops it accept what leaves by ${mesh}`,
        iptables: `-o ${mesh}`,
        nft: `oifname "${mesh}"`,
      },
    },
    {
      hook: 'output',
      // Most of a mesh listens on one port.
      probes: [{ iifname: 'none', oifname: uplink, protocol: 'udp', port, sourcePort: port }],
      fault: `drops WireGuard: nothing in it admits UDP from port ${port}, so that this node speaks to no peer`,
      admit: {
        ufw: `allow out from any port ${port} proto udp`,
        firewalld: `firewall-cmd --list-all-policies, and have the one that drops it accept UDP from port ${port}`,
        iptables: `-p udp --sport ${port}`,
        nft: `udp sport ${port}`,
      },
    },
  ]
}

/** Chains that exempt packets of the mesh from connection tracking: then their flow is unknown. Pure. */
export function findUntracking(chains: readonly Chain[], traffic: MeshTraffic): Obstacle[] {
  const directions: { hook: string; probes: Probe[]; match: string; option: string }[] = [
    { hook: 'prerouting', probes: fromPeers(traffic), match: 'iifname', option: '-i' },
    {
      hook: 'output',
      probes: [{ iifname: 'none', oifname: traffic.interface }],
      match: 'oifname',
      option: '-o',
    },
  ]
  return directions.flatMap(({ hook, probes, match, option }) =>
    chainsOn(chains, hook)
      .filter((chain) => probes.some((probe) => walkChain(chain, chains, probe).isUntracked))
      .map((chain) => ({
        detail: `chain "${placeOf(chain)}" has packets on ${traffic.interface} go untracked (NOTRACK): policy is about flows, so that all of these are dropped`,
        remedy: ['iptables', 'ufw'].includes(managerOf(chain, chains))
          ? `iptables -t ${chain.table} -I ${chain.name} ${option} ${traffic.interface} -j ACCEPT`
          : `nft insert rule ${placeOf(chain)} ${match} "${traffic.interface}" accept`,
      })),
  )
}

/** One from each range. */
function fromPeers({ interface: mesh, meshRanges = [undefined] }: ProbedTraffic): Probe[] {
  return meshRanges.map((source) => ({ iifname: mesh, oifname: 'none', source }))
}

type ProbedTraffic = { interface: string; meshRanges: readonly (Cidr | undefined)[] | undefined }

function chainsOn(chains: readonly Chain[], hook: string): Chain[] {
  return chains.filter((chain) => chain.hook === hook)
}

type Manager = 'ufw' | 'firewalld' | 'iptables' | 'nft'

const managers: Record<Manager, { label: string; remedy(admit: string, chain: Chain): string }> = {
  ufw: { label: ' (ufw)', remedy: (admit) => `ufw ${admit}` },
  firewalld: { label: ' (firewalld)', remedy: (admit) => admit },
  iptables: {
    label: ' (iptables)',
    remedy: (admit, { name }) => `iptables -I ${name} ${admit} -j ACCEPT`,
  },
  nft: { label: '', remedy: (admit, chain) => `nft insert rule ${placeOf(chain)} ${admit} accept` },
}

/** The program that wrote the chain, and so has to change it: a change by nft would last until its next start. */
function managerOf({ family, table, name }: Chain, chains: readonly Chain[]): Manager {
  if (table === 'firewalld') return 'firewalld'
  const isOfIptables = family === 'ip' && /^[A-Z]+$/.test(name)
  if (!isOfIptables) return 'nft'
  const isOfUfw = chains.some((chain) => chain.table === table && chain.name.startsWith('ufw-'))
  return isOfUfw ? 'ufw' : 'iptables'
}

function placeOf({ family, table, name }: Chain): string {
  return `${family} ${table} ${name}`
}
