import { describeError, handOver, type Log } from '@plexd/runtime'
import { type AnswerGate, createAnswerGate } from '../../control/client/answer-gate.ts'
import { type ControlConnection, openControlClient } from '../../control/client/client.ts'
import { type Credentials, createCredentials } from '../../control/client/credentials.ts'
import { describeFailure, describeForeign } from '../../control/client/failure.ts'
import type { Identity, IdentityStore } from '../../identity/identity.ts'
import { knownSecrets } from '../../identity/known-secrets.ts'
import { type Installation, openInstallation } from '../../installation/installation.ts'
import { refuseNetwork } from '../../mesh/mesh-status.ts'
import { type MeshSource, type NodeMesh, openNodeMesh } from '../../mesh/node-mesh.ts'
import { type RepairCounts, startRepairCounts } from '../../mesh/repair-counts.ts'
import { createListeners, type Listeners } from '../../process/listeners.ts'
import type { Core } from './core.ts'
import { describeStatus, type StatusSources } from './status.ts'
import type { View } from './view.ts'

/** The second stage: the identity is known, the mesh is restored, and the control plane can be called. */
export interface Enrolled
  extends Core,
    Pick<ControlConnection, 'client' | 'keepOnly' | 'reloadCa'> {
  readonly installation: Installation
  readonly identity: IdentityStore
  readonly nodeId: string
  readonly mesh: NodeMesh
  readonly repairs: RepairCounts
  readonly credentials: Credentials
  readonly gate: AnswerGate
  /** The control plane answers again. */
  readonly back: Listeners
  /** A failure of a request, in words. */
  describe(error: unknown): string
  /** Puts a WireGuard key into force, with the control plane's data for it. */
  useKey(privateKey: string): Promise<void>
}

export async function openEnrolled(
  core: Core,
  identity: IdentityStore,
  source: MeshSource,
): Promise<Enrolled & AsyncDisposable> {
  const { config, addresses, requests, log } = core
  await using stack = new AsyncDisposableStack()
  const repairs = stack.use(startRepairCounts(core))
  const mesh = stack.use(
    await openNodeMesh({ ...source, ...core, repairs, identity: identity.current }),
  )
  core.shown.show(viewOf(core, identity, mesh))
  await restoreMesh(identity, mesh, log)
  async function useKey(privateKey: string): Promise<void> {
    await mesh.device.setPrivateKey(privateKey)
    mesh.applier.applySoon()
    requests.ask({ whole: true })
  }
  const credentials = createCredentials(identity, { onBack: useKey, log })
  const back = createListeners()
  const gate = openGate(core, identity, back.tell)
  const connection = stack.use(
    openControlClient(config, { ...core, credentials, gate, lookup: core.names.lookup }),
  )
  const { client, keepOnly } = connection
  const installation = await openInstallation({ ...core, reloadCa: connection.reloadCa })
  function reloadCa(): void {
    connection.reloadCa()
    void installation.refresh()
  }
  if (config.deregisterOnShutdown) stack.defer(() => deregister({ client, identity, mesh, log }))
  return {
    ...core,
    ...{ identity, nodeId: identity.current().node_id, mesh, repairs },
    ...{ credentials, gate, back, client, keepOnly, reloadCa, installation },
    describe: (error) => describeFailure(error, { ...config, ...addresses.inUse() }),
    useKey,
    [Symbol.asyncDispose]: handOver(stack),
  }
}

/** Restored before the first request to the control plane. */
async function restoreMesh(
  identity: IdentityStore,
  { device, applier }: NodeMesh,
  log: Log,
): Promise<void> {
  const { private_key, pending_private_key } = identity.current()
  await device.setPrivateKey(private_key)
  if (pending_private_key !== undefined) device.holdPsks()
  await applier.apply().catch((error: unknown) => log.error('cached mesh not applied', { error }))
}

function viewOf(core: Core, identity: IdentityStore, mesh: NodeMesh): Partial<View> {
  const { disabledBecause } = mesh.device
  return {
    status: () => describeStatus(sourcesOf({ ...core, identity, mesh })),
    peers: () => mesh.describePeers(),
    policies: mesh.describePolicies,
    network: async () =>
      refuseNetwork({ disabledBecause, isLookedFor: mesh.network !== undefined }),
    nsk: () => identity.current().node_secret_key,
    ...(mesh.openPing ? { openPing: mesh.openPing } : {}),
    secrets: () =>
      knownSecrets({
        config: core.config,
        identity: identity.current(),
        peers: core.desired.current().peers,
      }),
  }
}

/** The current values. */
export function sourcesOf(
  node: Core & Pick<Enrolled, 'identity' | 'mesh'>,
): StatusSources & { identity: Identity } {
  return { ...node, identity: node.identity.current(), mesh: node.mesh.sight() }
}

/** Marked answers are recorded with the identity; foreign answers are a separate problem. */
function openGate(
  { config, addresses, problems, log }: Core,
  identity: IdentityStore,
  onBack: () => void,
): AnswerGate {
  return createAnswerGate({
    hasShown: identity.current().marked_answers ?? false,
    onShown() {
      identity
        .update((now) => ({ ...now, marked_answers: true }))
        .catch((error: unknown) => log.warn('identity cannot be saved', { error }))
    },
    onForeign: (answer) =>
      problems.set(
        'answers',
        answer && describeForeign(answer, { ...config, ...addresses.inUse() }),
      ),
    onBack,
  })
}

const deregisterMs = 2_000

async function deregister({
  client,
  identity,
  mesh,
  log,
}: Pick<Enrolled, 'client' | 'identity' | 'mesh' | 'log'>): Promise<void> {
  const { node_id } = identity.current()
  try {
    await client.deregister({ params: { node_id }, signal: AbortSignal.timeout(deregisterMs) })
    log.info('deregistered', { node_id })
    await mesh.leave()
  } catch (error) {
    log.warn('cannot deregister', { node_id, error: describeError(error) })
  }
}
