import { networkInterfaces } from 'node:os'
import type { Clock, Log } from '@plexd/runtime'
import type { AgentConfig } from './config.ts'
import type { CoreMesh } from './core-mesh.ts'
import { startFirewallGuard } from './firewall/guard.ts'
import { startDiscovery } from './nat/discover.ts'
import { localAddresses } from './nat/local-addresses.ts'
import type { DiscoveredEndpoint } from './nat/rounds.ts'
import { type SizeWatch, startSizeWatch } from './path/size-watch.ts'
import type { Problems } from './problems.ts'
import type { DriftReports } from './reconcile/drift-report.ts'
import { standardMtu } from './wireguard/link.ts'

export interface MeshWatchOptions {
  config: AgentConfig
  mesh: CoreMesh
  drift: Pick<DriftReports, 'add'>
  /** Tells the control plane where this node is, and takes where its peers are. */
  exchange(found: DiscoveredEndpoint): Promise<void>
  /** Closes connections to the control plane from other addresses than these. */
  keepOnly(localAddresses: ReadonlySet<string>): void
  problems: Problems
  clock: Clock
  log: Log
}

/** Keeps the mesh true while others change this machine, and while it moves. */
export function startMeshWatch(options: MeshWatchOptions): AsyncDisposable {
  const { mesh, drift, keepOnly } = options
  const { device, applier } = mesh
  const stack = new AsyncDisposableStack()
  const correct = async (): Promise<void> => drift.add(await applier.apply())

  function onMove(): void {
    // First, for the news of a new address would wait for an answer to the old one.
    keepOnly(new Set(localAddresses(networkInterfaces())))
    mesh.discovery?.refresh()
    sizes?.forget()
  }

  const sizes = watchSizes(options, stack)
  watchEndpoint(options, stack)
  stack.use(device.watch(correct, { onMove, onRoutes: () => mesh.routing?.forget() }))
  watchFilter(options, correct, stack)
  return stack
}

function watchSizes(
  { config, mesh, problems, clock, log }: MeshWatchOptions,
  stack: AsyncDisposableStack,
): SizeWatch | undefined {
  const { openPing, describePeers } = mesh
  if (!openPing) return undefined
  const sizes = stack.use(
    startSizeWatch({
      connected: async () => (await describePeers()).filter(({ state }) => state === 'connected'),
      open: openPing,
      mtu: config.meshMtu ?? standardMtu,
      problems,
      clock,
      log,
    }),
  )
  mesh.sizes = sizes
  return sizes
}

function watchEndpoint(
  { config, mesh, exchange, log }: MeshWatchOptions,
  stack: AsyncDisposableStack,
): void {
  const { network, known, applier } = mesh
  if (!network) return
  mesh.discovery = stack.use(
    startDiscovery({
      ...network,
      known: known.read(),
      async report(found) {
        known.write(found)
        await exchange(found)
        // Keepalive and the way to peers depend on where we are.
        applier.applySoon()
      },
      refreshMs: config.natRefreshMs,
      log,
    }),
  )
}

function watchFilter(
  { mesh: { firewall }, clock, log }: MeshWatchOptions,
  correct: () => Promise<void>,
  stack: AsyncDisposableStack,
): void {
  if (!firewall?.openChanges) return
  stack.use(
    startFirewallGuard({
      socket: firewall.openChanges(),
      isOurs: firewall.writers.has,
      async look() {
        firewall.applier.distrust()
        await correct()
      },
      clock,
      log,
    }),
  )
}
