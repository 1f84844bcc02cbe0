import type { Settings } from './agent-config.ts'
import { readSetting } from './form.ts'
import { settingRows } from './settings.ts'

/**
 * What the environment sets. `PLEXD_CONFIG` (which file to read) and the bootstrap token itself are read elsewhere:
 * the token's variable has a configurable name and its turn comes after the token file.
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Settings {
  const settings = settingRows.map(([to, { env: variable = '', read }]) => {
    const value = env[variable]
    return value === undefined || value === ''
      ? {}
      : readSetting({ to, read }, value, `environment variable ${variable}`)
  })
  return Object.assign({}, ...settings)
}
