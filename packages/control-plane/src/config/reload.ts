import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.ts'
import { fileName, settings } from './settings.ts'

/** What of the settings changes while the control plane serves: whoever uses them asks `app.config` each time. */
const live: readonly (keyof Config)[] = [
  'keyMaxAgeMs',
  'logLevel',
  'tlsCertFile',
  'tlsKeyFile',
  'tlsNames',
]

/**
 * The running settings with what may change of the next ones, and the names of those that only a restart changes.
 * Pure.
 */
export function reloadConfig(
  running: Config,
  next: Config,
): { config: Config; needsRestart: string[] } {
  const names = Object.keys({ ...running, ...next }) as (keyof Config)[] // both are Configs
  const changed = names.filter((name) => !isDeepStrictEqual(running[name], next[name]))
  const isLive = (name: string): boolean => live.includes(name as keyof Config) // for look-up only
  const parts = [
    ...Object.entries(running).filter(([name]) => !isLive(name)),
    ...Object.entries(next).filter(([name]) => isLive(name)),
  ]
  return {
    config: Object.fromEntries(parts) as unknown as Config, // of the parts of two
    needsRestart: [...new Set(changed.filter((name) => !isLive(name)).map(settingOf))],
  }
}

/** `heartbeatIntervalMs` as it is called in the file. */
function settingOf(name: keyof Config): string {
  if (name === 'host' || name === 'port') return 'listen'
  const snake = name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const known = settings.map(({ flag }) => fileName(flag))
  return known.find((setting) => setting === snake || setting.startsWith(`${snake}_`)) ?? snake
}
