import { arch, availableParallelism, freemem, loadavg, release, totalmem, uptime } from 'node:os'
import { formatDuration } from '@plexd/protocol'
import { Type } from 'typebox'
import { type Action, defineAction } from '../define.ts'
import { jsonOutput } from '../output.ts'
import type { NodeFacts } from './node-facts.ts'

export function systemInfo(facts: NodeFacts): Action {
  return defineAction({
    name: 'system.info',
    description: 'Describe the machine and its place in the mesh, as JSON',
    parameters: Type.Object({}),
    timeoutMs: 30_000,
    run: async () => {
      const { version, node_id, hostname, mesh_ip, uptime: plexd_uptime } = facts.status()
      return jsonOutput({
        node_id,
        hostname,
        mesh_ip,
        plexd_version: version,
        plexd_uptime,
        os: 'linux',
        arch: arch(),
        kernel: release(),
        uptime: formatDuration(uptime() * 1_000),
        cpus: availableParallelism(),
        load_average: loadavg(),
        memory_total_bytes: totalmem(),
        memory_free_bytes: freemem(),
        peer_count: facts.peers().length,
      })
    },
  })
}
