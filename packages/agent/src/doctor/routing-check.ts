import { type Check, createLog, type Finding, failed, ok, warning } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { destinationsOf } from '../config/places.ts'
import { createNftables } from '../firewall/nftables.ts'
import { ownNames } from '../firewall/rules/deciding-chains.ts'
import { loadIdentity } from '../identity/identity.ts'
import { placeOf } from '../mesh/place.ts'
import { judgePlace } from '../routing/mesh-range.ts'
import type { PlannedPlace } from '../routing/range-faults.ts'
import { lookUpAddresses } from '../routing/tables/control-addresses.ts'
import { readRouting } from '../routing/tables/local-routes.ts'
import { meshTable } from '../routing/tables/mesh-table.ts'
import { remedyOfAbsence } from './ask-daemon.ts'
import { ifMesh } from './if-mesh.ts'

/** Whether the mesh conflicts with the networks of this machine, whether a daemon is running or not. */
export const routingCheck: Check<AgentConfig> = {
  name: 'routing',
  run: ifMesh(checkRouting),
}

async function checkRouting(config: AgentConfig): Promise<Finding> {
  const identity = await loadIdentity(config.dataDir, config.hostname).catch(() => undefined)
  if (!identity) return ok('not needed yet: this machine is not enrolled')
  const place = placeOf(identity, config)
  const routing = await readRouting()
  const lookUps = destinationsOf(config).map((url) => lookUpAddresses(url).catch(() => []))
  const controlAddresses = (await Promise.all(lookUps)).flat()
  const { ranges, refusal, warnings } = judgePlace({ ...place, controlAddresses }, routing)
  if (refusal !== undefined) return failed(refusal, remedyFor(place))
  if (warnings.length > 0) return warning(warnings.join('; '), remedyFor(place))
  const ours = routing.routes.filter(({ table }) => table === meshTable)
  const isHeldBack = ours.length > 0 && !ours.some(({ dev }) => dev === place.interfaceName)
  if (!isHeldBack)
    return (
      (await findInClear()) ??
      ok(`${ranges.join(' and ')} ${ranges.length === 1 ? 'is' : 'are'} nobody else's`)
    )
  return warning(
    `there is no interface ${place.interfaceName}, and packets for ${ranges.join(' and ')} are held back, so that none leaves in clear`,
    `${await remedyOfAbsence(config)}, or plexd down to let them go`,
  )
}

/** A range that the config excludes is corrected there; everything else is visible in the routes. */
function remedyFor({ meshRanges, pinned }: PlannedPlace): string {
  if (!pinned || meshRanges.every((range) => pinned.includes(range)))
    return 'ip route show table all'
  return `set "mesh.range" in the config to ${meshRanges.join(', ')}, or remove it, and restart plexd`
}

/** Counted by the filter: a rule of another program may apply to one user or interface only, which `ip route get` does not show. */
async function findInClear(): Promise<Finding | undefined> {
  const firewall = createNftables({ log: createLog('plexd', 'error') })
  const counters = await firewall.counters().catch(() => undefined) // a fault of nft has a check of its own
  const packets = counters?.get(ownNames.inClear)?.packets ?? 0
  if (packets === 0) return undefined
  return warning(
    `packets for the mesh, ${packets} since its filter was written last, would have left by another interface, in clear, and were dropped: a rule of another program comes before the mesh`,
    'ip rule',
  )
}
