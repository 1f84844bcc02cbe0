import { Type } from 'typebox'
import { jsonOutput } from '../output.ts'
import { defineBuiltin } from './define-builtin.ts'

export const reloadConfig = defineBuiltin({
  name: 'service.reload_config',
  description:
    'Read the settings again, as SIGHUP does, and say as JSON which have changed, which wait for a restart, and which keys are unknown; invalid settings change nothing',
  parameters: Type.Object({}),
  timeoutMs: 30_000,
  run: async (_parameters, node) => jsonOutput(await node.reload()),
})
