import { setTimeout as delay } from 'node:timers/promises'
import { startTraffic, type Traffic } from '@plexd/agent/testing'
import { until } from '@plexd/runtime/testing'
import type { Lab } from '../../../scripts/laboratory/lab.ts'
import { untilAllPing, untilPing } from '../../../scripts/laboratory/probes.ts'
import type { JoinOptions, MeshMember, MeshSystem } from '../../../scripts/programs/mesh-system.ts'
import { explained } from './explained.ts'

/** Members by their names, each on a host of its own in the public network; resolves when all have their interface. */
export async function joinAll<Name extends string>(
  lab: Lab,
  system: MeshSystem,
  names: readonly Name[],
  options?: (name: Name) => JoinOptions,
): Promise<Record<Name, MeshMember>> {
  const members = await Promise.all(
    names.map(async (name) => {
      const member = await system.join(name, await lab.host(name), options?.(name))
      await untilRouted(member)
      return [name, member]
    }),
  )
  return Object.fromEntries(members) // of the names given
}

/** Before, nobody can listen on its mesh address. */
async function untilRouted({ name, host }: MeshMember): Promise<void> {
  const routes = ['ip', 'route', 'show', 'table', '8293', 'dev', 'plexd0'] as const
  await until(`${name} has a route`, async () => (await host.exec(routes).catch(() => '')) !== '')
}

/** Until each answers each other. */
export async function untilMeshed(members: readonly MeshMember[]): Promise<void> {
  for (const member of members) {
    const others = members.filter((other) => other !== member)
    await explained(members, () =>
      untilAllPing(
        member.host,
        others.map(({ meshIp }) => meshIp),
      ),
    )
  }
}

/** Until one answers a ping of the other; resolves to the time that took. */
export function untilReaches(from: MeshMember, to: MeshMember, withinMs?: number): Promise<number> {
  return explained([from, to], () => untilPing(from.host, to.meshIp, withinMs))
}

export function startTrafficOn({ host }: MeshMember): Promise<Traffic> {
  return startTraffic({ enter: host.prefix })
}

/** What must not change while nobody changes anything; what counts and what happens by itself is left out. */
export async function kernelState({ host }: MeshMember): Promise<string> {
  const dump = await host.exec(['wg', 'show', 'plexd0', 'dump'])
  const peers = dump
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [key, psk, endpoint, allowedIps, , , , keepalive] = line.split('\t')
      return [key, psk, endpoint, allowedIps, keepalive].join(' ')
    })
  // Handles tell a table from one that was written anew with the same rules.
  const table = await host.exec(['nft', '-s', '-a', 'list', 'table', 'inet', 'plexd'])
  const link = await host.exec(['ip', '-oneline', 'address', 'show', 'dev', 'plexd0'])
  const routes = await host.exec(['ip', 'route', 'show', 'table', '8293'])
  const rules = await host.exec(['ip', 'rule', 'show'])
  return [...peers.toSorted(), table, link, routes, rules].join('\n')
}

/** Until the daemon has made no change for a while. */
export async function settle(member: MeshMember): Promise<void> {
  let last = await kernelState(member)
  for (let calm = 0; calm < 4; calm++) {
    await delay(250)
    const now = await kernelState(member)
    if (now !== last) calm = 0
    last = now
  }
}
