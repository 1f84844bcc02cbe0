import type { Settings } from './agent-config.ts'
import { readSetting, setting, type Target } from './form.ts'
import { count, flag, logLevel, mode, text } from './values.ts'

/**
 * What the environment sets. `PLEXD_CONFIG` (which file to read) and the bootstrap token itself are read elsewhere:
 * the token's variable has a configurable name and its turn comes after the token file.
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Settings {
  const settings = Object.entries(variables).map(([name, target]) => {
    const value = env[name]
    return value === undefined || value === '' || !target
      ? {}
      : readSetting(target, value, `environment variable ${name}`)
  })
  return Object.assign({}, ...settings)
}

const variables: Readonly<Record<string, Target>> = {
  PLEXD_API: setting('apiUrl', text),
  PLEXD_CA_FILE: setting('caFile', text),
  PLEXD_INSECURE_HTTP: setting('insecureHttp', flag),
  PLEXD_DATA_DIR: setting('dataDir', text),
  PLEXD_HOSTNAME: setting('hostname', text),
  PLEXD_MODE: setting('mode', mode),
  PLEXD_LOG_LEVEL: setting('logLevel', logLevel),
  PLEXD_BOOTSTRAP_TOKEN_FILE: setting('tokenFile', text),
  PLEXD_ACTIONS_ENABLED: setting('actionsEnabled', flag),
  PLEXD_ACTIONS_MAX_CONCURRENT: setting('maxConcurrentActions', count(1, 1_000)),
  PLEXD_NODE_API_ENABLED: setting('socketEnabled', flag),
  PLEXD_NODE_API_SOCKET: setting('socketPath', text),
  PLEXD_NODE_API_HTTP_ENABLED: setting('httpEnabled', flag),
  PLEXD_NODE_API_HTTP_LISTEN: setting('httpListen', text),
}
