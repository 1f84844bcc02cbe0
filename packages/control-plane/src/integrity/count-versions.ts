import {
  type BinaryState,
  compareVersions,
  type FleetVersions,
  isVersion,
  type NodeStatus,
  type UpgradeStatus,
  type VersionCount,
} from '@plexd/protocol'

/** What of a node counts. */
export interface RunningNode {
  /** Empty if it does not say. */
  version: string
  /** Null if it has not been judged. */
  state: BinaryState | null
  status: NodeStatus
  upgrade: UpgradeStatus['status'] | null
}

/** Counts nodes by version, newest first. `uploaded` are the versions of which there are builds. Pure. */
export function countVersions(
  nodes: readonly RunningNode[],
  uploaded: readonly string[],
): FleetVersions {
  const newest = newestOf(uploaded) || newestOf(nodes.map(({ version }) => version))
  const items = [...Map.groupBy(nodes, ({ version }) => version)]
    .map(([version, some]) => countOf(version, some, newest))
    .sort((a, b) => compareVersions(b.version, a.version))
  return { newest, items }
}

function newestOf(versions: readonly string[]): string {
  return versions.filter(isVersion).toSorted(compareVersions).at(-1) ?? ''
}

function countOf(version: string, nodes: readonly RunningNode[], newest: string): VersionCount {
  const count = (isMeant: (node: RunningNode) => boolean): number => nodes.filter(isMeant).length
  return {
    version,
    behind: isVersion(version) && newest !== '' && compareVersions(version, newest) < 0,
    nodes: nodes.length,
    online: count(({ status }) => status === 'online'),
    verified: count(({ state }) => state === 'verified'),
    mismatch: count(({ state }) => state === 'mismatch'),
    unknown: count(({ state }) => state === 'unknown' || state === null),
    on_trial: count(({ upgrade }) => upgrade === 'on_trial'),
    rolled_back: count(({ upgrade }) => upgrade === 'rolled_back'),
  }
}
