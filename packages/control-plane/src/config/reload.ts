import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.ts'
import { fileName, type Setting } from './settings/setting.ts'
import { settingRows } from './settings.ts'

/**
 * The running settings with the reloadable ones of the new settings, and the names of changed settings that need a
 * restart. Pure.
 */
export function reloadConfig(
  running: Config,
  next: Config,
): { config: Config; needsRestart: string[] } {
  const names = Object.keys({ ...running, ...next }) as (keyof Config)[] // both are Configs
  const changed = names.filter(
    (name) => name !== 'origins' && !isDeepStrictEqual(running[name], next[name]),
  )
  const isLive = (name: string): boolean => rowOf(name)?.reloads === true
  const parts = [
    ...Object.entries(running).filter(([name]) => !isLive(name)),
    ...Object.entries(next).filter(([name]) => isLive(name)),
  ]
  return {
    // Each part comes from one of the two.
    config: {
      ...(Object.fromEntries(parts) as unknown as Config),
      origins: originsAfter(running, next),
    },
    needsRestart: changed
      .filter((name) => !isLive(name))
      .flatMap((name) => (name === 'limits' ? changedLimits(running, next) : settingOf(name))),
  }
}

function originsAfter(running: Config, next: Config): Config['origins'] {
  const live = settingRows.flatMap(([, row]) => {
    const name = fileName(row)
    return row.reloads ? [[name, next.origins[name] ?? 'default'] as const] : []
  })
  return { ...running.origins, ...Object.fromEntries(live) }
}

function rowOf(name: string): Setting<unknown> | undefined {
  return settingRows.find(([known]) => known === name)?.[1]
}

function changedLimits({ limits: before }: Config, { limits: after }: Config): string[] {
  const names = Object.keys(before) as (keyof Config['limits'])[] // all have all of them
  return names.filter((name) => before[name] !== after[name]).map((name) => `limits.${name}`)
}

/** `heartbeatIntervalMs` by its name in the file. */
function settingOf(name: keyof Config): string {
  const row = rowOf(name)
  return row ? fileName(row) : name
}
