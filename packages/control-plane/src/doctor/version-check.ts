import { versionTrouble } from '@plexd/protocol'
import { type Check, type Finding, ok, warning } from '@plexd/runtime'
import { isGoAgent } from '../rows/fleet/nodes.ts'
import { version } from '../version.ts'
import { type Place, readRows } from './place.ts'

/** Whether nodes run versions that this control plane serves. */
export const versionCheck: Check<Place> = { name: 'node versions', run: checkVersions }

async function checkVersions(place: Place): Promise<Finding> {
  const counts = await countNodes(place)
  const troubles = [...counts].flatMap(([said, nodes]) => {
    const trouble = versionTrouble(said, version)
    return trouble === '' ? [] : [`${nodes} ${nodes === 1 ? 'node' : 'nodes'}: ${trouble}`]
  })
  if (troubles.length > 0) return warning(troubles.join('; '), 'plexctl upgrade status')
  const nodes = counts.values().reduce((sum, count) => sum + count, 0)
  return ok(`all ${nodes} that say one are served by ${version}`)
}

/** By the version that they say; of the Go agent nothing is known by that. */
async function countNodes(place: Place): Promise<Map<string, number>> {
  const rows = await readRows(place, query)
  const ours = rows.filter(({ agent }) => !isGoAgent(String(agent)))
  const groups = Map.groupBy(ours, ({ said }) => String(said))
  return new Map(
    Array.from(groups, ([said, some]) => [
      said,
      some.reduce((sum, row) => sum + Number(row.nodes), 0),
    ]),
  )
}

const query = `
  select binary_version as said, user_agent as agent, count(*) as nodes from nodes
  where removed_at is null and binary_version is not null group by 1, 2 order by 1`
