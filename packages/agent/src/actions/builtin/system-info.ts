import { arch, availableParallelism, freemem, loadavg, release, totalmem, uptime } from 'node:os'
import { formatDuration } from '@plexd/protocol'
import { Type } from 'typebox'
import { jsonOutput } from '../output.ts'
import { defineBuiltin } from './define-builtin.ts'
import type { NodeFacts } from './node-facts.ts'

export const systemInfo = defineBuiltin({
  name: 'system.info',
  description: 'Describe the machine and its place in the mesh, as JSON',
  parameters: Type.Object({}),
  timeoutMs: 30_000,
  standsAlone: true,
  run: async (_parameters, node) => jsonOutput(describeSystem(node)),
})

export function describeSystem({ status, desired }: Pick<NodeFacts, 'status' | 'desired'>) {
  const { version, node_id, hostname, mesh_ip, uptime: plexd_uptime } = status()
  return {
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
    peer_count: desired().peers.length,
  }
}
