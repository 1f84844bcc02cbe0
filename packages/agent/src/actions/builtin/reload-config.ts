import { Type } from 'typebox'
import { jsonOutput } from '../output.ts'
import { defineBuiltin } from './define-builtin.ts'

export const reloadConfig = defineBuiltin({
  name: 'service.reload_config',
  description:
    'Read the settings again, as SIGHUP does, and say as JSON which have changed, which wait for a restart, which keys are unknown, and which values have no effect; invalid settings change nothing',
  parameters: Type.Object({}),
  timeoutMs: 30_000,
  run: async (_parameters, node) => jsonOutput(await node.reload()),
})
