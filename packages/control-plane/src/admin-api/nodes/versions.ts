import { adminApi } from '@plexd/protocol'
import type { NodeMemory, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { countVersions } from '../../integrity/count-versions.ts'
import { readArtifacts } from '../../rows/artifacts.ts'
import { readBinariesOf } from '../../rows/fleet/node-binaries.ts'
import { selectedBy } from '../../runs/choose-nodes.ts'
import { version } from '../../version.ts'

/** How upgrades went is known of nodes that were heard from since our start. */
export const listVersions = handle(
  adminApi.listVersions,
  async ({ principal, query }, { fleet, store, presence }: State & NodeMemory) => {
    const isAskedFor = selectedBy(query.selector ?? '*')
    const binaries = await readBinariesOf(store.reader, principal.tenant_id)
    const nodes = Array.from(fleet.nodes(principal.tenant_id))
      .filter(isAskedFor)
      .map(({ id, no, status, is_go }) => ({
        is_go,
        version: binaries.get(id)?.version ?? '',
        state: binaries.get(id)?.state ?? null,
        status,
        upgrade: presence.of(no).heartbeat?.upgrade?.status ?? null,
      }))
    const artifacts = await readArtifacts(store.reader)
    return countVersions(nodes, { uploaded: artifacts.map((one) => one.version), own: version })
  },
)
