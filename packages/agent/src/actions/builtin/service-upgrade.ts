import { Type } from 'typebox'
import { defineBuiltin } from './define-builtin.ts'

export const serviceUpgrade = defineBuiltin({
  name: 'service.upgrade',
  description:
    'Run another version of plexd, from the control plane; the result comes once that has shown that it works, or was rolled back',
  parameters: Type.Object({
    version: Type.String({ description: 'Such as 1.5.0' }),
    checksum: Type.String({
      description: 'SHA-256 of the file in hex, with or without "sha256:"',
    }),
    allow_downgrade: Type.Boolean({
      default: false,
      description: 'Whether it may be an older version',
    }),
  }),
  timeoutMs: 600_000,
  cannot: (node) => node.cannotUpgrade,
  run: async (request, node, context) => ({
    exit_code: 0,
    stdout: `${await node.upgrade(request, context)}\n`,
    stderr: '',
  }),
})
