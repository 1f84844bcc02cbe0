import type { IContainer, IPodSpec } from 'kubernetes-models/v1'

/** What a kubelet adds to a manifest. */
export interface Place {
  nodeName: string
  /** Of the volume with that name, what is mounted from the machine; undefined for memory. */
  sourceOf(volume: string): string | undefined
  /** The file of its network namespace. */
  network: string
  /** In the form of runc; undefined for none. */
  seccomp: object | undefined
}

/** As `umoci unpack` leaves it: the part that is changed here. */
interface Unpacked {
  process: Record<string, unknown> & { args: string[]; env: string[] }
  mounts: object[]
  linux: object
}

/**
 * The runtime configuration (OCI) of the only container of a pod: its user, rights, mounts and variables are those of the
 * manifest, and nothing that the manifest does not say. `entrypoint` is that of the image. Pure.
 */
export function runtimeConfig(
  pod: IPodSpec,
  {
    unpacked,
    rootfs,
    entrypoint,
  }: { unpacked: Unpacked; rootfs: string; entrypoint: readonly string[] },
  place: Place,
): object {
  const [container] = pod.containers
  if (!container) throw new Error('run a pod: it has no container')
  const { securityContext: security = {} } = container
  const { runAsUser = 0, runAsGroup = runAsUser, fsGroup } = pod.securityContext ?? {}
  const uid = security.runAsUser ?? runAsUser
  return {
    ...unpacked,
    process: {
      ...unpacked.process,
      terminal: false,
      args: [...entrypoint, ...(container.args ?? [])],
      env: [...unpacked.process.env, ...environment(container, place)],
      user: { uid, gid: runAsGroup, additionalGids: fsGroup === undefined ? [] : [fsGroup] },
      capabilities: capabilities(container, uid),
      rlimits: [],
      noNewPrivileges: security.allowPrivilegeEscalation === false,
    },
    root: { path: rootfs, readonly: security.readOnlyRootFilesystem === true },
    mounts: [...unpacked.mounts, ...mounts(container, place)],
    linux: {
      ...unpacked.linux,
      namespaces: [
        ...['pid', 'ipc', 'mount'].map((type) => ({ type })),
        { type: 'network', path: place.network },
        ...(pod.hostNetwork ? [] : [{ type: 'uts' }]),
      ],
      ...(place.seccomp && { seccomp: place.seccomp }),
    },
    ...(pod.hostNetwork ? { hostname: '' } : {}),
  }
}

function environment({ env = [] }: IContainer, { nodeName }: Place): string[] {
  const known = new Map<string, string>()
  for (const { name, value, valueFrom } of env) {
    const text = valueFrom?.fieldRef?.fieldPath === 'spec.nodeName' ? nodeName : (value ?? '')
    known.set(
      name,
      text.replace(/\$\((\w+)\)/g, (all, other) => known.get(other) ?? all),
    )
  }
  return [...known].map((pair) => pair.join('='))
}

function capabilities({ securityContext }: IContainer, uid: number): Record<string, string[]> {
  const { drop = [], add = [] } = securityContext?.capabilities ?? {}
  if (!drop.includes('ALL')) throw new Error('run a pod: its manifest does not drop all rights')
  const names = add.map((name) => `CAP_${name}`)
  // Another user than root has none in effect, whatever is added.
  const inEffect = uid === 0 ? names : []
  return { bounding: names, permitted: inEffect, effective: inEffect, inheritable: [], ambient: [] }
}

function mounts({ volumeMounts = [] }: IContainer, { sourceOf }: Place): object[] {
  return volumeMounts.map(({ name, mountPath: destination, readOnly }) => {
    const source = sourceOf(name)
    if (source === undefined)
      return {
        destination,
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'nodev', 'mode=1777'],
      }
    const options = ['rbind', 'rprivate', readOnly ? 'ro' : 'rw']
    return { destination, type: 'none', source, options }
  })
}
