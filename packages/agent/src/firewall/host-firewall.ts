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
}

export interface Obstacle {
  detail: string
  /** What to type. */
  remedy: string
}

/** Chains that drop what comes through the mesh, and those that keep WireGuard's own packets out. Pure. */
export function findShutChains(chains: readonly Chain[], traffic: MeshTraffic): Obstacle[] {
  const { interface: mesh, wireguardPort: port } = traffic
  return chainsOn(chains, 'input').flatMap((chain) => {
    const name = `chain "${chain.family} ${chain.table} ${chain.name}"${managers[managerOf(chain, chains)]}`
    const shuts = (probe: Probe): boolean => walkChain(chain, chains, probe).verdict === 'drop'
    return [
      ...(fromPeers(traffic).some(shuts)
        ? [
            {
              detail: `${name} drops what peers send: nothing in it admits ${mesh}, so that what policy allows does not arrive; policy alone may decide there`,
              remedy: admitInterface(chain, chains, traffic),
            },
          ]
        : []),
      ...(shuts({ iifname: undefined, oifname: 'none', protocol: 'udp', port })
        ? [
            {
              detail: `${name} drops WireGuard: nothing in it admits UDP port ${port}, so that peers are heard only after this node spoke to them`,
              remedy: admitPort(chain, chains, traffic),
            },
          ]
        : []),
    ]
  })
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
function fromPeers({ interface: mesh, meshRanges }: MeshTraffic): Probe[] {
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

function admitInterface(
  chain: Chain,
  chains: readonly Chain[],
  { interface: mesh }: MeshTraffic,
): string {
  const commands: Record<Manager, string> = {
    ufw: `ufw allow in on ${mesh}`,
    firewalld: `firewall-cmd --permanent --zone=trusted --add-interface=${mesh} && firewall-cmd --reload`,
    iptables: `iptables -I ${chain.name} -i ${mesh} -j ACCEPT`,
    nft: `nft insert rule ${placeOf(chain)} iifname "${mesh}" accept`,
  }
  return commands[managerOf(chain, chains)]
}

function admitPort(chain: Chain, chains: readonly Chain[], { wireguardPort }: MeshTraffic): string {
  const commands: Record<Manager, string> = {
    ufw: `ufw allow ${wireguardPort}/udp`,
    firewalld: `firewall-cmd --permanent --add-port=${wireguardPort}/udp && firewall-cmd --reload`,
    iptables: `iptables -I ${chain.name} -p udp --dport ${wireguardPort} -j ACCEPT`,
    nft: `nft insert rule ${placeOf(chain)} udp dport ${wireguardPort} accept`,
  }
  return commands[managerOf(chain, chains)]
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
