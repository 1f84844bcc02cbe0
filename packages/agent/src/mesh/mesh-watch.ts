import { networkInterfaces } from 'node:os'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { createForeignChanges } from '../firewall/changes/foreign-changes.ts'
import { startFirewallGuard } from '../firewall/changes/guard.ts'
import type { Problems } from '../health/problems.ts'
import { type Discovery, startDiscovery } from '../nat/discover.ts'
import type { EndpointReceiver } from '../nat/endpoints.ts'
import { localAddresses } from '../nat/local-addresses.ts'
import { type SizeWatch, startSizeWatch } from '../path/size-watch.ts'
import type { DriftReports } from '../reconcile/drift-report.ts'
import type { Correction } from '../reconcile/plan.ts'
import { standardMtu } from '../wireguard/interface/link.ts'
import type { NodeMesh } from './node-mesh.ts'
import type { RepairCounts } from './repair-counts.ts'

export interface MeshWatchOptions {
  config: AgentConfig
  mesh: NodeMesh
  drift: Pick<DriftReports, 'add'>
  /** The receiver of this node's endpoint. */
  receiver: EndpointReceiver
  /** Closes connections to the control plane from local addresses other than these. */
  keepOnly(localAddresses: ReadonlySet<string>): void
  repairs: Pick<RepairCounts, 'ofBackstop'>
  problems: Problems
  clock: Clock
  log: Log
}

export interface MeshWatch extends AsyncDisposable {
  /** Absent if the public endpoint is not discovered. */
  readonly discovery: Discovery | undefined
  /** Absent if path MTUs are not probed. */
  readonly sizes: Pick<SizeWatch, 'largestTo'> | undefined
}

/** Repairs the mesh after changes by other programs, and adapts it when the machine moves. */
export async function startMeshWatch(options: MeshWatchOptions): Promise<MeshWatch> {
  const { mesh, drift, keepOnly, problems } = options
  const { device, applier } = mesh
  await using stack = new AsyncDisposableStack()
  const correct = async (): Promise<void> => {
    drift.add(await applier.apply())
  }

  function onMove(): void {
    // First: the report of a new address would otherwise wait for an answer on the old one.
    keepOnly(new Set(localAddresses(networkInterfaces())))
    discovery?.refresh()
    sizes?.forget()
  }

  function onUnwatched(why: string | undefined): void {
    problems.set(
      'network',
      why &&
        `changes of the network are seen late: "ip monitor" has ended, and is started again: ${why}`,
    )
  }

  const sizes = watchSizes(options, stack)
  const discovery = watchEndpoint(options, stack)
  stack.use(device.watch(correct, { onMove, onRoutes: () => mesh.routing?.forget(), onUnwatched }))
  watchFilter(options, stack)
  return { discovery, sizes, [Symbol.asyncDispose]: handOver(stack) }
}

function watchSizes(
  { config, mesh, problems, clock, log }: MeshWatchOptions,
  stack: AsyncDisposableStack,
): SizeWatch | undefined {
  const { openPing, describeMet } = mesh
  if (!openPing) return undefined
  return stack.use(
    startSizeWatch({
      connected: async () => (await describeMet()).filter(({ state }) => state === 'connected'),
      open: openPing,
      mtu: config.meshMtu ?? standardMtu,
      problems,
      clock,
      log,
    }),
  )
}

function watchEndpoint(
  { config, mesh, receiver, log }: MeshWatchOptions,
  stack: AsyncDisposableStack,
): Discovery | undefined {
  const { network, endpoints, applier } = mesh
  if (!network) return undefined
  return stack.use(
    startDiscovery({
      ...network,
      own: endpoints.own,
      async report(found) {
        // Keepalive and paths to peers depend on our location.
        if (await endpoints.report(found, receiver)) applier.applySoon()
      },
      refreshMs: config.natRefreshMs,
      log,
    }),
  )
}

function watchFilter(
  { mesh: { firewall, applier }, drift, repairs, problems, clock, log }: MeshWatchOptions,
  stack: AsyncDisposableStack,
): void {
  if (!firewall?.openChanges) return
  const foreign = createForeignChanges({
    isShut: () => problems.of('backstop') === '',
    problems,
    clock,
    log,
  })
  stack.use(
    startFirewallGuard({
      socket: firewall.openChanges(),
      isOurs: firewall.ownProcesses.has,
      isBackstopLost: firewall.backstop.isLost,
      onBackstopEnd: firewall.backstop.onEnd,
      foreign,
      async look() {
        const wasLost = firewall.backstop.isLost()
        firewall.applier.distrust()
        const steps = await applier.apply()
        // A backstop that cannot be restarted is missing at each check, and is a problem of its own.
        if (wasLost && !firewall.backstop.isLost()) repairs.ofBackstop.add()
        // Ten log lines a second would say no more than the problem does.
        drift.add(foreign.isFight() ? steps.filter(isOther) : steps)
      },
      clock,
      log,
    }),
  )
}

function isOther({ type }: Correction): boolean {
  return type !== 'firewall_restored'
}
