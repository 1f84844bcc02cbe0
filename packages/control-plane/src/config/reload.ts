import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.ts'
import { fileName, type Setting, settingRows } from './settings.ts'

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
  const isLive = (name: string): boolean => rowOf(name)?.reloads === true
  const parts = [
    ...Object.entries(running).filter(([name]) => !isLive(name)),
    ...Object.entries(next).filter(([name]) => isLive(name)),
  ]
  return {
    config: Object.fromEntries(parts) as unknown as Config, // of the parts of two
    needsRestart: changed.filter((name) => !isLive(name)).map(settingOf),
  }
}

function rowOf(name: string): Setting<unknown> | undefined {
  return settingRows.find(([known]) => known === name)?.[1]
}

/** `heartbeatIntervalMs` as it is called in the file. */
function settingOf(name: keyof Config): string {
  const row = rowOf(name)
  return !row || name === 'limits' ? name : fileName(row)
}
