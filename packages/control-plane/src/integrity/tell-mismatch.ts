import type { IntegrityViolation } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../app.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { platformOf } from '../mesh/platform.ts'
import { noteTold, type StoredBinary } from '../rows/fleet/node-binaries.ts'
import type { BuildName } from '../rows/trusted-builds.ts'
import { sourceOf } from '../telemetry/store.ts'

/**
 * Puts a mismatch on record, and notes that it is: after a crash between the two it is told a second time, rather than never.
 */
export async function tellMismatch(
  app: State & SideStores & Environment,
  node: NodeRecord,
  binary: StoredBinary,
  builds: readonly BuildName[],
): Promise<void> {
  const violation = violationOf(node, binary, builds)
  await app.telemetry.append({
    kind: 'violations',
    source: sourceOf(node),
    records: [JSON.stringify(violation)],
  })
  const { type, path, actual_checksum } = violation
  app.metrics.violation(type)
  app.log.warn('integrity violation', {
    node_id: node.id,
    hostname: node.hostname,
    type,
    path,
    actual_checksum,
  })
  await app.store.write((tx) => noteTold(tx, node.id, binary))
}

function violationOf(
  node: NodeRecord,
  { version, checksum, sinceMs }: StoredBinary,
  builds: readonly BuildName[],
): IntegrityViolation {
  const { os, arch } = platformOf(node)
  const good = builds.filter((build) => os === '' || (build.os === os && build.arch === arch))
  const platform = os === '' ? '' : ` ${os}/${arch}`
  return {
    type: 'binary',
    path: `plexd ${version}${platform}`,
    expected_checksum: good.map((build) => build.checksum).join(' or '),
    actual_checksum: checksum,
    detail: 'the control plane knows builds of this version, and this is none of them',
    timestamp: new Date(sinceMs).toISOString(),
  }
}
