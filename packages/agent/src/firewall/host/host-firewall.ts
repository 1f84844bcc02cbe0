/** How the packet filter rules of other programs affect the mesh. */
import { managerOf, managers, placeOf } from './chain-manager.ts'
import { walkChain } from './chain-walk.ts'
import type { Chain } from './nft-json.ts'
import type { Probe } from './packet-match.ts'
import { fromPeers, type MeshTraffic, passagesOf } from './passages.ts'

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

function chainsOn(chains: readonly Chain[], hook: string): Chain[] {
  return chains.filter((chain) => chain.hook === hook)
}
