import { readConfigFile } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { originsOf } from '../config/origins.ts'
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
  const origins = originsOf({
    flags,
    env: envSettings(env),
    file: fromFile,
    credentials: credentialSettings(env),
  })
  const settings = settingRows.map(([name, row]) => {
    const key = fileName(row)
    return [key, { value: config?.[name as keyof Config] ?? null, from: origins[key] }]
  })
  const forwards = config?.forwards.map(({ name }) => name) ?? []
  return { settings: Object.fromEntries(settings), forwards }
}
