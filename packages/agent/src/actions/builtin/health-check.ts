import { Type } from 'typebox'
import { type Action, defineAction } from '../define.ts'
import { jsonOutput } from '../output.ts'
import type { NodeFacts } from './node-facts.ts'

export function healthCheck(facts: NodeFacts): Action {
  return defineAction({
    name: 'health.check',
    description:
      'Tell whether plexd works as it should, as JSON; exit code 1 when something does not',
    parameters: Type.Object({
      include_peers: Type.Boolean({ default: false, description: 'List the peers as well' }),
    }),
    timeoutMs: 30_000,
    run: async ({ include_peers }) => {
      const { control_plane, mesh, problems } = facts.status()
      const healthy = problems.length === 0
      const peers = facts.peers().map(({ id, mesh_ip, endpoint }) => ({ id, mesh_ip, endpoint }))
      return jsonOutput(
        {
          status: healthy ? 'healthy' : 'degraded',
          problems,
          control_plane,
          mesh,
          ...(include_peers ? { peers } : {}),
        },
        healthy ? 0 : 1,
      )
    },
  })
}
