import { readConfigFile } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { fileName } from '../config/settings/setting.ts'
import { credentialSettings, envSettings, type Given, settingRows } from '../config/settings.ts'

export interface GivenSettings {
  flags: Given
  env: NodeJS.ProcessEnv
  /** The path of the config file; undefined for none. */
  file: string | undefined
}

/** Each setting with its value and where it is from. No setting of the control plane is itself a secret; forwards have some. */
export async function describeConfig(
  config: Config | undefined,
  { flags, env, file }: GivenSettings,
): Promise<Record<string, unknown>> {
  const fromFile = file === undefined ? {} : ((await readConfigFile(file)) ?? {})
  const sources: readonly (readonly [string, Given])[] = [
    ['option', flags],
    ['environment', envSettings(env)],
    ['systemd credential', credentialSettings(env)],
    ['config file', fromFile],
  ]
  const sourceOf = (key: string): string =>
    sources.find(([, given]) => given[key] !== undefined)?.[0] ?? 'default'
  const settings = settingRows.map(([name, row]) => {
    const key = fileName(row)
    return [key, { value: config?.[name as keyof Config] ?? null, from: sourceOf(key) }]
  })
  const forwards = config?.forwards.map(({ name }) => name) ?? []
  return { settings: Object.fromEntries(settings), forwards }
}
