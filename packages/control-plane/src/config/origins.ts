import type { SettingOrigin } from '@plexd/protocol'
import { fileName } from './settings/setting.ts'
import { type Given, settingRows } from './settings.ts'

/** All that settings are read from; each by the names in the file. */
export interface SettingSources {
  flags: Given
  env: Given
  file: Given
  /** Files that systemd hands over. */
  credentials?: Given
}

/** Where each setting has its value from, by its name in the file. */
export type Origins = Readonly<Record<string, SettingOrigin>>

/** The first that has it wins. */
export function originsOf({ flags, env, file, credentials = {} }: SettingSources): Origins {
  const places: readonly (readonly [SettingOrigin, Given])[] = [
    ['option', flags],
    ['environment', env],
    ['config file', file],
    ['systemd credential', credentials],
  ]
  const names = [...settingRows.map(([, row]) => fileName(row)), 'limits', 'forwards']
  const originOf = (name: string): SettingOrigin =>
    places.find(([, given]) => given[name] !== undefined && given[name] !== null)?.[0] ?? 'default'
  return Object.fromEntries(names.map((name) => [name, originOf(name)]))
}
