import { formatDuration } from '@plexd/protocol'
import { showProxy, silentLog } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { ConfigSources } from '../config/load-config.ts'
import { urlsOf } from '../config/places.ts'
import { settingSources } from '../config/setting-sources.ts'
import type { Setting } from '../config/settings/setting.ts'
import { type SettingName, settingRows } from '../config/settings.ts'

/** Each setting with its value, unless that may be a secret, and where it is from. */
export async function describeConfig(
  config: AgentConfig,
  given: Omit<ConfigSources, 'log'>,
): Promise<Record<string, unknown>> {
  const sources = await settingSources({ ...given, log: silentLog }, config.dataDir)
  const settings = settingRows.map(([name, row]) => [
    row.keys[0],
    { value: showValue(name, row, config), from: sources[name] },
  ])
  return {
    settings: Object.fromEntries(settings),
    unknown_keys: config.unknownKeys,
    proxy: config.proxyUrl === undefined ? null : showProxy(config.proxyUrl),
  }
}

const hidden = '[redacted]'

function showValue(name: SettingName, { shown }: Setting<unknown>, config: AgentConfig): unknown {
  const value = name === 'apiUrl' ? urlsOf(config) : config[name]
  if (value === undefined) return null
  if (shown === 'never') return hidden
  if (name.endsWith('Ms')) return formatDuration(Number(value))
  return shown === undefined ? showPlain(value) : showNames(value)
}

/** What is deeper than a list or a mapping of plain values was made by somebody for programs of his own. */
function showPlain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const isPlain = Object.values(value).every((item) => typeof item !== 'object')
  if (Array.isArray(value)) return isPlain ? value : `[${value.length} entries]`
  return Object.values(value).every((item) => typeof item === 'number') ? value : showNames(value)
}

function showNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return hidden
  return Object.fromEntries(Object.keys(value).map((name) => [name, hidden]))
}
