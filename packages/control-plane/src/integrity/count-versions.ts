import {
  type BinaryState,
  compareVersions,
  type FleetVersions,
  isVersion,
  type NodeStatus,
  type UpgradeStatus,
  type VersionCount,
  versionTrouble,
} from '@plexd/protocol'

/** What of a node counts. */
export interface RunningNode {
  /** Empty if it does not say. */
  version: string
  /** Of the Go agent nothing is known by its version. */
  is_go: boolean
  /** Null if it has not been judged. */
  state: BinaryState | null
  status: NodeStatus
  upgrade: UpgradeStatus['status'] | null
}

/** What nodes are compared with. */
export interface Known {
  /** The versions of which there are builds. */
  uploaded: readonly string[]
  /** The version of this control plane. */
  own: string
}

/** Counts nodes by version, newest first. Pure. */
export function countVersions(
  nodes: readonly RunningNode[],
  { uploaded, own }: Known,
): FleetVersions {
  const newest = newestOf(uploaded) || newestOf(nodes.map(({ version }) => version))
  const items = [...Map.groupBy(nodes, ({ version }) => version)]
    .map(([version, some]) => countOf(version, some, { newest, own }))
    .sort((a, b) => compareVersions(b.version, a.version))
  return { newest, items }
}

function newestOf(versions: readonly string[]): string {
  return versions.filter(isVersion).toSorted(compareVersions).at(-1) ?? ''
}

function countOf(
  version: string,
  nodes: readonly RunningNode[],
  { newest, own }: { newest: string; own: string },
): VersionCount {
  const trouble = nodes.every(({ is_go }) => is_go) ? '' : versionTrouble(version, own)
  const count = (isMeant: (node: RunningNode) => boolean): number => nodes.filter(isMeant).length
  return {
    version,
    behind: isVersion(version) && newest !== '' && compareVersions(version, newest) < 0,
    ...(trouble === '' ? {} : { version_trouble: trouble }),
    nodes: nodes.length,
    online: count(({ status }) => status === 'online'),
    verified: count(({ state }) => state === 'verified'),
    mismatch: count(({ state }) => state === 'mismatch'),
    unknown: count(({ state }) => state === 'unknown' || state === null),
    on_trial: count(({ upgrade }) => upgrade === 'on_trial'),
    rolled_back: count(({ upgrade }) => upgrade === 'rolled_back'),
  }
}
