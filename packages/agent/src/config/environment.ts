import type { Settings } from './agent-config.ts'
import { readSetting } from './form.ts'
import { settingRows } from './settings.ts'

/**
 * The settings from the environment. `PLEXD_CONFIG` (the file to read) and the bootstrap token are read elsewhere:
 * the token's variable has a configurable name, and the token file takes precedence over it.
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Settings {
  const settings = settingRows.map(([to, { env: variable = '', read }]) => {
    const value = env[variable]
    return value === undefined || value === ''
      ? {}
      : readSetting({ to, read }, value, `environment variable ${variable}: `)
  })
  return Object.assign({}, ...settings)
}
