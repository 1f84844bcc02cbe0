import type { Log } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { PacketFilter } from '../firewall/packet-filter.ts'
import type { Problems } from '../health/problems.ts'
import type { Identity } from '../identity/identity.ts'
import { createFirewallApplier, type FirewallApplier } from '../reconcile/firewall-applier.ts'
import type { MeshRouting } from '../routing/mesh-routing.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import { standardMtu } from '../wireguard/interface/link.ts'

/** The policies in force, and their packet filter. */
export type NodeFirewall = PacketFilter & { applier: FirewallApplier }

export interface NodeFirewallDeps {
  config: AgentConfig
  desired: DesiredStore
  identity(): Identity
  problems: Problems
  log: Log
}

export function openFirewall(
  filter: PacketFilter,
  routing: MeshRouting | undefined,
  { config, desired, identity, problems, log }: NodeFirewallDeps,
): NodeFirewall {
  const applier = createFirewallApplier({
    desired,
    self: identity,
    problems,
    log,
    firewall: filter.firewall,
    backstop: filter.backstop,
    isWatched: filter.openChanges !== undefined,
    ranges: () => routing?.ranges(),
    exceptions: () => routing?.exceptions(),
    ruleset: {
      interface: config.meshInterface,
      wireguardPort: config.meshPort,
      mtu: config.meshMtu ?? standardMtu,
      defaultAction: config.policyDefault,
      logDenied: config.policyLogDenied,
    },
  })
  return { ...filter, applier }
}
