import { existsSync } from 'node:fs'
import {
  CliError,
  describeError,
  exitCodes,
  findCredentials,
  readConfigFile,
  withCredentialsOf,
} from '@plexd/runtime'
import { type Command, Option } from 'commander'
import { type Config, resolveConfig } from '../config/config.ts'
import { describeSetting, fileName } from '../config/settings/setting.ts'
import {
  credentialNames,
  credentialSettings,
  envSettings,
  type Given,
  settingRows,
} from '../config/settings.ts'

/** All of them, or those named. */
export function addSettings(command: Command, names?: readonly string[]): Command {
  command.option('--config <FILE>', `YAML file with settings (${packagedFile}, if it is there)`)
  for (const [name, row] of settingRows) {
    if (names && !names.includes(name)) continue
    const flag = row.value ? `--${row.name} <${row.value}>` : `--${row.name}`
    const option = new Option(flag, describeSetting(row))
    if (row.list) option.argParser((item: string, before: string[] = []) => [...before, item])
    command.addOption(option)
  }
  return command
}

/** Where the packages put it: what their service reads, commands that are typed beside it read too. */
export const packagedFile = '/etc/plexd/control-plane.yaml'

/** The packages' file is of the packages' installation: whoever names a data folder has another one in mind. */
export function configFileOf(
  options: Record<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
  packaged = packagedFile,
): string | undefined {
  const { config = env.PLEXD_CP_CONFIG, dataDir = env.PLEXD_CP_DATA_DIR } = options
  if (typeof config === 'string') return config
  return dataDir === undefined && existsSync(packaged) ? packaged : undefined
}

/** What `LoadCredential=` of this unit hands over, commands use too. */
const serviceUnit = 'plexd-control-plane.service'

export async function configOf(
  options: Record<string, unknown>,
  env = withCredentialsOf(serviceUnit),
): Promise<Config> {
  const path = configFileOf(options, env)
  const file = path !== undefined ? await readConfigFile(path) : {}
  if (!file) throw new CliError(`read config "${path}": there is no such file`, exitCodes.usage)
  try {
    return resolveConfig({
      flags: flagSettings(options),
      env: envSettings(env),
      file,
      credentials: credentialSettings(env),
    })
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}

/** What systemd hands over instead of files of the data folder, by the names of the settings. */
export function givenCredentials() {
  return findCredentials(credentialNames, withCredentialsOf(serviceUnit))
}

/** Converts commander's camel case back to the names in the file. */
export function flagSettings(options: Record<string, unknown>): Given {
  return Object.fromEntries(
    settingRows.flatMap(([, row]) => {
      const value = options[new Option(`--${row.name}`).attributeName()]
      return value === undefined ? [] : [[fileName(row), value]]
    }),
  )
}
