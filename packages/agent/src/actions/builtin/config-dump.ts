import { formatDuration } from '@plexd/protocol'
import { showProxy } from '@plexd/runtime'
import { Type } from 'typebox'
import type { AgentConfig } from '../../config/agent-config.ts'
import { urlsOf } from '../../config/places.ts'
import type { Setting } from '../../config/settings/setting.ts'
import { type SettingName, settingRows } from '../../config/settings.ts'
import { jsonOutput } from '../output.ts'
import { defineBuiltin } from './define-builtin.ts'

export const configDump = defineBuiltin({
  name: 'config.dump',
  description:
    'Show the settings in force, as JSON by their keys in the config file; secrets never',
  parameters: Type.Object({
    redacted: Type.Boolean({
      default: true,
      description: 'Leave out the values of labels too; no value of this shows a secret',
    }),
  }),
  timeoutMs: 30_000,
  standsAlone: true,
  run: async ({ redacted }, { config }) => jsonOutput(describeSettings(config, redacted)),
})

const hidden = '[redacted]'

export function describeSettings(config: AgentConfig, redacted: boolean) {
  return {
    settings: Object.fromEntries(
      settingRows.map(([name, row]) => [row.keys[0], describe(name, row, config, redacted)]),
    ),
    proxy: config.proxyUrl === undefined ? null : showProxy(config.proxyUrl),
  }
}

function describe(
  name: SettingName,
  { shown }: Setting<unknown>,
  config: AgentConfig,
  redacted: boolean,
): unknown {
  const value = name === 'apiUrl' ? urlsOf(config) : config[name]
  if (value === undefined) return null
  if (shown === 'never') return hidden
  if (shown === 'unredacted' && redacted) return hide(value)
  return name.endsWith('Ms') ? formatDuration(Number(value)) : value
}

/** The names stay. */
function hide(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return hidden
  return Object.fromEntries(Object.keys(value).map((name) => [name, hidden]))
}
