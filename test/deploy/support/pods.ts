import { chmod, chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { IPodSpec } from 'kubernetes-models/v1'
import { parse, stringify } from 'yaml'
import type { Host, Lab } from '../../../scripts/laboratory/lab.ts'
import { type Container, startPod, type UnpackedImage, writeProjected } from './container.ts'
import { type Manifest, podOf, renderManifests } from './manifests.ts'
import { untilProbed } from './probe.ts'
import { defaultSeccomp } from './seccomp.ts'

/** Starts the control plane of the manifests on that host; resolves when its probes are answered. */
export async function startControlPlanePod(
  lab: Lab,
  image: UnpackedImage,
  host: Host,
): Promise<Container> {
  const manifests = await renderManifests('control-plane')
  const pod = podOf(manifests, 'StatefulSet')
  const folder = join(lab.folder, 'control-plane')
  const data = join(folder, 'data')
  await mkdir(data, { recursive: true })
  // As a kubelet gives a new volume to the group of the pod.
  await chown(data, 0, pod.securityContext?.fsGroup ?? 0)
  await chmod(data, 0o2775)
  const settings = join(folder, 'settings')
  await writeProjected(settings, { 'control-plane.yaml': settingsFor(manifests, host) }, 0o644)
  const sources = new Map([
    ['data', data],
    ['settings', settings],
  ])
  const container = await startPod(pod, {
    id: `${host.name}-pod`,
    folder,
    image,
    nodeName: 'node',
    network: `/run/netns/${host.name}`,
    seccomp: defaultSeccomp([]),
    sourceOf: (volume) => sources.get(volume),
  })
  await untilProbed('startupProbe', pod, { container, host })
  await untilProbed('readinessProbe', pod, { container, host })
  return container
}

/** Those of the manifests, with an address of the laboratory. */
function settingsFor(manifests: readonly Manifest[], { address }: Host): string {
  const text = manifests.find(({ kind }) => kind === 'ConfigMap')?.data?.['control-plane.yaml']
  const changed = { public_url: `https://${address}:8443`, tls_san: [address] }
  return stringify({ ...parse(text ?? ''), ...changed })
}

export interface AgentPodOptions {
  pod: IPodSpec
  image: UnpackedImage
  /** Of the node of Kubernetes. */
  name: string
  host: Host
  /** Join strings by the names of nodes. */
  secret: Readonly<Record<string, string>>
}

/** Starts an agent on that host, whose folders are the same each time; resolves when its probes are answered. */
export async function startAgentPod(lab: Lab, options: AgentPodOptions): Promise<Container> {
  const container = await runAgentPod(lab, options)
  for (const kind of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const)
    await untilProbed(kind, options.pod, { container, host: options.host })
  return container
}

/** The same, without waiting for anything. */
export async function runAgentPod(
  lab: Lab,
  { pod, image, name, host, secret }: AgentPodOptions,
): Promise<Container> {
  const folder = join(lab.folder, `agent-${name}`)
  const sources = new Map([
    ['state', join(folder, 'state')],
    ['socket', join(folder, 'run')],
    ['join', join(folder, 'join')],
    ['tun', '/dev/net/tun'],
  ])
  await mkdir(join(folder, 'state'), { recursive: true })
  await mkdir(join(folder, 'run'), { recursive: true })
  await writeProjected(join(folder, 'join'), secret, 0o400)
  const rights = pod.containers[0]?.securityContext?.capabilities?.add ?? []
  return startPod(pod, {
    id: `${host.name}-pod`,
    folder,
    image,
    nodeName: name,
    network: `/run/netns/${host.name}`,
    seccomp: defaultSeccomp(rights.map((right) => `CAP_${right}`)),
    sourceOf: (volume) => sources.get(volume),
  })
}
