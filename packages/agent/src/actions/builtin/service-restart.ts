import { Type } from 'typebox'
import { defineBuiltin } from './define-builtin.ts'

export const serviceRestart = defineBuiltin({
  name: 'service.restart',
  description:
    'End plexd in order and start it again, after this result has been kept and sent; the mesh carries traffic meanwhile',
  parameters: Type.Object({}),
  timeoutMs: 30_000,
  async run(_parameters, node) {
    node.restart()
    return { exit_code: 0, stdout: 'plexd restarts\n', stderr: '' }
  },
})
