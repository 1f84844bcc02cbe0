import { adminApi } from '@plexd/protocol'
import type { Environment } from '../../app.ts'
import { effectiveSettings } from '../../config/effective.ts'
import { handle } from '../../handle.ts'

export const listSettings = handle(
  adminApi.listSettings,
  async (_call, { config, reloads }: Environment) => ({
    items: effectiveSettings(config, reloads.needsRestart),
  }),
)
