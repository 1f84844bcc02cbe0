import { formatDuration, type SettingOrigin, type SettingView } from '@plexd/protocol'
import { redact } from '@plexd/runtime'
import { limits as limitTable } from '../limits.ts'
import type { Config } from './config.ts'
import { fileName, type Setting } from './settings/setting.ts'
import { settingRows } from './settings.ts'

/**
 * All settings as they are in force, limits and forwards behind the others. None of ours is a secret itself, but
 * a text may have one in it, such as an address with a password. Pure.
 */
export function effectiveSettings(config: Config, needsRestart: readonly string[]): SettingView[] {
  const waits = new Set(needsRestart)
  const own = settingRows
    .filter(([name]) => name !== 'limits')
    .map(([name, row]): SettingView => {
      const key = fileName(row)
      const value = config[name as keyof Config]
      return {
        name: key,
        value: textOf(value, row),
        source: config.origins[key] ?? 'default',
        reloads: row.reloads === true,
        waits_for_restart: waits.has(key),
      }
    })
  return [...own, ...limitViews(config, waits), forwardView(config, waits)]
}

/** Where a limit is set is only known of all: one that is as it always is counts as not set. */
function limitViews({ limits, origins }: Config, waits: ReadonlySet<string>): SettingView[] {
  const [ofList = 'default', ofMapping = 'default'] = [origins.limit, origins.limits]
  const given: SettingOrigin = ofList === 'default' ? ofMapping : ofList
  return Object.entries(limitTable).map(([name, row]) => {
    const value = limits[name as keyof typeof limits]
    return {
      name: `limits.${name}`,
      value: String(value),
      source: value === row.default ? 'default' : given,
      reloads: false,
      waits_for_restart: waits.has(`limits.${name}`),
    }
  })
}

/** By name: an address and its headers may say more than all may know. */
function forwardView({ forwards, origins }: Config, waits: ReadonlySet<string>): SettingView {
  return {
    name: 'forwards',
    value: listText(forwards.map(({ name }) => name)),
    source: origins.forwards ?? 'default',
    reloads: false,
    waits_for_restart: waits.has('forwards'),
  }
}

/** As one would write it; null for none. */
function textOf(value: unknown, row: Setting<unknown>): string | null {
  if (value === undefined || value === null) return null
  if (Array.isArray(value)) return listText(value)
  if (typeof value === 'number' && row.bounds?.unit === 'ms') return formatDuration(value)
  if (typeof value !== 'object') return redact(String(value))
  if ('everyMs' in value) return formatDuration(Number(value.everyMs))
  if ('cron' in value) return String(value.cron)
  const { host, port } = value as { host: string; port: number } // the only other form of a value
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function listText(values: readonly unknown[]): string | null {
  return values.length === 0 ? null : values.map((one) => redact(String(one))).join(', ')
}
