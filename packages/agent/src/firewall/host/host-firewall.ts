/** What the firewall of the machine, written by others, does to the mesh. */
import type { Cidr } from '@plexd/protocol'
import { walkChain } from './chain-walk.ts'
import type { Chain } from './nft-json.ts'
import type { Probe } from './packet-match.ts'

export interface MeshTraffic {
  interface: string
  wireguardPort: number
  /** Undefined where nobody knows. */
  meshRanges: readonly Cidr[] | undefined
  /** The interface by which most leaves; undefined where nobody knows. */
  uplink?: string | undefined
}

export interface Obstacle {
  detail: string
  /** What to type. */
  remedy: string
}

/** Chains that drop what comes or goes through the mesh, and those that keep WireGuard's own packets from it. Pure. */
export function findShutChains(chains: readonly Chain[], traffic: MeshTraffic): Obstacle[] {
  return passagesOf(traffic).flatMap(({ hook, probes, fault, admit }) =>
    chainsOn(chains, hook)
      .filter((chain) => probes.some((probe) => walkChain(chain, chains, probe).verdict === 'drop'))
      .map((chain) => {
        const manager = managerOf(chain, chains)
        return {
          detail: `chain "${placeOf(chain)}"${managers[manager]} ${fault}`,
          remedy: remedies[manager](admit, chain),
        }
      }),
  )
}

/** A way that packets of the mesh take through this machine. */
interface Passage {
  hook: 'input' | 'output'
  probes: readonly Probe[]
  /** What a chain does that shuts it. */
  fault: string
  /** To whom what must be said for it to be open. */
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

/** Chains by which packets of the mesh are not tracked: then nobody knows which flow they belong to. Pure. */
export function findUntracking(chains: readonly Chain[], traffic: MeshTraffic): Obstacle[] {
  const directions = [
    { hook: 'prerouting', probes: fromPeers(traffic), match: 'iifname' },
    {
      hook: 'output',
      probes: [{ iifname: 'none', oifname: traffic.interface }],
      match: 'oifname',
    },
  ] as const
  return directions.flatMap(({ hook, probes, match }) =>
    chainsOn(chains, hook)
      .filter((chain) => probes.some((probe) => walkChain(chain, chains, probe).isUntracked))
      .map((chain) => ({
        detail: `chain "${chain.family} ${chain.table} ${chain.name}" has packets on ${traffic.interface} go untracked (NOTRACK): policy is about flows, so that all of these are dropped`,
        remedy: skipChain(chain, chains, match, traffic.interface),
      })),
  )
}

/** From each range one. */
function fromPeers({
  interface: mesh,
  meshRanges,
}: Pick<MeshTraffic, 'interface'> & {
  meshRanges: readonly (Cidr | undefined)[] | undefined
}): Probe[] {
  const sources = meshRanges ?? [undefined]
  return sources.map((source) => ({ iifname: mesh, oifname: 'none', source }))
}

function chainsOn(chains: readonly Chain[], hook: string): Chain[] {
  return chains.filter((chain) => chain.hook === hook)
}

type Manager = 'ufw' | 'firewalld' | 'iptables' | 'nft'

const managers: Record<Manager, string> = {
  ufw: ' (ufw)',
  firewalld: ' (firewalld)',
  iptables: ' (iptables)',
  nft: '',
}

/** Who wrote it, and so by what it is changed: nft would change it too, until the next start of that. */
function managerOf({ family, table, name }: Chain, chains: readonly Chain[]): Manager {
  if (table === 'firewalld') return 'firewalld'
  const isOfIptables = family === 'ip' && /^[A-Z]+$/.test(name)
  if (!isOfIptables) return 'nft'
  const isOfUfw = chains.some((chain) => chain.table === table && chain.name.startsWith('ufw-'))
  return isOfUfw ? 'ufw' : 'iptables'
}

const remedies: Readonly<Record<Manager, (admit: Passage['admit'], chain: Chain) => string>> = {
  ufw: ({ ufw }) => `ufw ${ufw}`,
  firewalld: ({ firewalld }) => firewalld,
  iptables: ({ iptables }, { name }) => `iptables -I ${name} ${iptables} -j ACCEPT`,
  nft: ({ nft }, chain) => `nft insert rule ${placeOf(chain)} ${nft} accept`,
}

function skipChain(
  chain: Chain,
  chains: readonly Chain[],
  match: 'iifname' | 'oifname',
  mesh: string,
): string {
  return ['iptables', 'ufw'].includes(managerOf(chain, chains))
    ? `iptables -t ${chain.table} -I ${chain.name} ${match === 'iifname' ? '-i' : '-o'} ${mesh} -j ACCEPT`
    : `nft insert rule ${placeOf(chain)} ${match} "${mesh}" accept`
}

function placeOf({ family, table, name }: Chain): string {
  return `${family} ${table} ${name}`
}
