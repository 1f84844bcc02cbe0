import { Type } from 'typebox'
import { jsonOutput } from '../output.ts'
import { defineBuiltin } from './define-builtin.ts'

export const healthCheck = defineBuiltin({
  name: 'health.check',
  description:
    'Tell whether plexd works as it should, as JSON; exit code 1 when something does not',
  parameters: Type.Object({
    include_peers: Type.Boolean({ default: false, description: 'List the peers as well' }),
  }),
  timeoutMs: 30_000,
  async run({ include_peers }, { status, desired }) {
    const { control_plane, mesh, problems } = status()
    const healthy = problems.length === 0
    const peers = desired().peers.map(({ id, mesh_ip, endpoint }) => ({ id, mesh_ip, endpoint }))
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
