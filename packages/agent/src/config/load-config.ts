import { hostname } from 'node:os'
import {
  CliError,
  type ConfigFinding,
  describeError,
  exitCodes,
  findCredentials,
  type Log,
  missingPath,
  readConfigFile,
  unknownKey,
} from '@plexd/runtime'
import {
  type AgentConfig,
  defaultConfig,
  defaultConfigFile,
  type Settings,
} from './agent-config.ts'
import { configForm } from './config-form.ts'
import { nearestKey, readForm, readSetting } from './form.ts'
import { faultsOfLogFiles } from './log-files.ts'
import { readPlaces, readUrls } from './places.ts'
import { pinnedCaFile, recallSettings } from './remembered.ts'
import { fingerprint } from './settings/values.ts'
import { credentialNames, settingRows } from './settings.ts'

export interface ConfigSources {
  flags: Settings
  /** `--config`, otherwise `PLEXD_CONFIG`, otherwise the default file if it exists. */
  file: string | undefined
  env: NodeJS.ProcessEnv
  log: Log
}

/**
 * Precedence: flags, environment, file, credentials of systemd, remembered settings of the enrolment, defaults. The file may have any of three forms (README, Go agent,
 * installer); each key's form is recognised by its shape. Throws a CliError with the key, its value and what is expected.
 */
export async function loadConfig({ flags, file, env, log }: ConfigSources): Promise<AgentConfig> {
  const fromFile = await readFile(file ?? env.PLEXD_CONFIG, log)
  const fromEnvironment = readEnvironment(env)
  const given = { ...fromFile, ...fromEnvironment, ...flags }
  const dataDir = given.dataDir ?? defaultConfig.dataDir
  const config: AgentConfig = {
    ...defaultConfig,
    hostname: hostname(),
    ...(await recallSettings(dataDir, given, log)),
    ...readCredentials(env),
    ...given,
  }
  config.hostnameChosen =
    (flags.hostname ?? fromEnvironment.hostname ?? fromFile.hostname) !== undefined
  config.apiUrlChosen = given.apiUrl !== undefined
  takeFingerprint(config, given)
  // A token file from a source of higher precedence beats a token from a lower one.
  if (flags.tokenFile ?? fromEnvironment.tokenFile) config.tokenValue = flags.tokenValue
  takePlaces(config, env)
  config.credentialsDir = env.CREDENTIALS_DIRECTORY || undefined
  return config
}

/** With a fingerprint, the authority is fetched into a file of our own. */
function takeFingerprint(config: AgentConfig, { caFile, caFingerprint }: Settings): void {
  if (caFingerprint === undefined) return
  if (caFile !== undefined)
    throw new CliError(
      `ca_file "${caFile}" and ca_fingerprint "${caFingerprint}": give one of them`,
      exitCodes.usage,
    )
  config.caFile = pinnedCaFile(config.dataDir)
  // From the command line it comes as it was typed.
  config.caFingerprint = readFingerprint(caFingerprint)
}

function readFingerprint(text: string): string {
  try {
    return fingerprint(text)
  } catch (error) {
    throw new CliError(
      `CA fingerprint "${text.slice(0, 128)}": ${describeError(error)}`,
      exitCodes.usage,
    )
  }
}

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

function readCredentials(env: NodeJS.ProcessEnv): Settings {
  const found = findCredentials(credentialNames, env)
  return Object.fromEntries(Array.from(found, ([name, { file }]) => [name, file]))
}

function takePlaces(config: AgentConfig, env: NodeJS.ProcessEnv): void {
  const [first, ...others] = readPlaces(config, env)
  config.apiUrl = first?.apiUrl ?? ''
  config.proxyUrl = first?.proxyUrl
  config.otherPlaces = others
}

/** All faults of the mapping in a config file, including those that do not prevent reading it. */
export function examineConfig(mapping: Record<string, unknown>): ConfigFinding[] {
  const { settings, faults, unknownKeys } = readForm(mapping, configForm)
  return [
    ...faults.map(({ path, detail }): ConfigFinding => ({ key: path, state: 'error', detail })),
    ...urlFaults(settings),
    ...missingPaths(settings),
    ...faultsOfLogFiles(settings.logsFiles ?? []).map(
      (detail): ConfigFinding => ({ key: 'logs.files', state: 'ignored', detail }),
    ),
    ...unknownKeys.map((key) => unknownKey(key, nearestKey(key, configForm))),
  ]
}

function missingPaths(settings: Settings): ConfigFinding[] {
  return settingRows.flatMap(([name, { keys, wants }]) =>
    // What is no path is a key, where either may be given.
    [settings[name]]
      .flat()
      .filter(isPath)
      .flatMap((path) => missingPath(keys[0], path, wants)),
  )
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('/')
}

function urlFaults({ apiUrl = '', insecureHttp = false }: Settings): ConfigFinding[] {
  try {
    readUrls(apiUrl, insecureHttp)
    return []
  } catch (error) {
    return [{ key: 'api', state: 'error', detail: describeError(error) }]
  }
}

export async function readFile(named: string | undefined, log: Log): Promise<Settings> {
  const path = named ?? defaultConfigFile
  const mapping = await readConfigFile(path).catch((error: unknown) => {
    throw new CliError(describeError(error), exitCodes.usage)
  })
  if (mapping === undefined) {
    if (named === undefined) return {}
    throw new CliError(
      `read config "${path}": there is no such file: give another with --config, or leave it out`,
      exitCodes.usage,
    )
  }
  const { settings, faults, unknownKeys } = readForm(mapping, configForm)
  const [fault] = faults
  if (fault) throw new CliError(`config "${path}": ${fault.path}: ${fault.detail}`, exitCodes.usage)
  for (const key of unknownKeys) {
    const did_you_mean = nearestKey(key, configForm)
    log.warn('unknown config key, ignored', { file: path, key, did_you_mean })
  }
  for (const error of faultsOfLogFiles(settings.logsFiles ?? []))
    log.warn('an entry of logs.files can never be a file, ignored', { file: path, error })
  return { ...settings, unknownKeys }
}
