import { hostname } from 'node:os'
import {
  CliError,
  type ConfigFinding,
  describeError,
  exitCodes,
  type Log,
  type LogLevel,
  proxyFor,
  readConfigFile,
  resolveLimits,
  unknownKey,
} from '@plexd/runtime'
import { checkApiUrl } from './config/api-url.ts'
import { readEnvironment } from './config/environment.ts'
import { type Form, nearestKey, readForm } from './config/form.ts'
import { goForm } from './config/go-form.ts'
import { installerForm } from './config/installer-form.ts'
import { readmeForm } from './config/readme-form.ts'
import { recallSettings } from './config/remembered.ts'
import { type Limits, limits } from './limits.ts'

/** All that can be set, whatever it was called where it was set. Times are milliseconds. */
export interface AgentConfig {
  /** `https://host[:port][/prefix]`; `http://` for loopback hosts with `insecureHttp`. Empty when nobody said. */
  apiUrl: string
  /** PEM file to trust instead of the system's authorities. */
  caFile: string | undefined
  insecureHttp: boolean
  /** By which the control plane is asked, as the environment says; undefined for none. */
  proxyUrl: string | undefined
  requestTimeoutMs: number
  /** A stream without a byte for this long is given up. */
  streamIdleMs: number

  dataDir: string
  hostname: string
  /** Whether somebody chose it; else it is what the machine is called. */
  hostnameChosen: boolean
  mode: 'node' | 'bridge'
  logLevel: LogLevel

  /** The bootstrap token itself; the sources after it are a file, an environment variable, the cloud's metadata. */
  tokenValue: string | undefined
  tokenFile: string
  tokenEnv: string
  tokenFromMetadata: boolean
  tokenMetadataPath: string
  tokenMetadataTimeoutMs: number
  /** Labels to register with, beside os, arch and kernel. */
  nodeMetadata: Record<string, string>
  /** `join` gives up after this long. */
  registerForMs: number

  heartbeatMs: number
  reconcileMs: number

  socketEnabled: boolean
  socketPath: string
  httpEnabled: boolean
  httpListen: string
  httpTokenFile: string | undefined
  reportDebounceMs: number

  actionsEnabled: boolean
  maxConcurrentActions: number
  /** No action runs longer, whatever a request asks for. */
  maxActionMs: number

  meshEnabled: boolean
  meshInterface: string
  meshPort: number
  /** Of the interface, in bytes; undefined for what fits into 1500. */
  meshMtu: number | undefined
  /** The only ranges that the mesh may have (CIDR); undefined for what the control plane says. */
  meshRanges: readonly string[] | undefined
  /** Whether peers may have addresses outside the mesh. */
  meshForeignAllowedIps: boolean
  /** Whether packets on the mesh are filtered; without, every peer reaches every port. */
  policyEnabled: boolean
  /** For flows that no rule is about. */
  policyDefault: 'allow' | 'deny'
  /** Whether the kernel log names denied packets. */
  policyLogDenied: boolean
  natEnabled: boolean
  /** `host[:port]`, in the order of preference; undefined: that of the control plane's host, then public ones. */
  stunServers: readonly string[] | undefined
  natRefreshMs: number
  deregisterOnShutdown: boolean
  limits: Limits
}

export const defaultConfigFile = '/etc/plexd/config.yaml'

export const defaultConfig: Omit<AgentConfig, 'hostname'> = {
  apiUrl: '',
  caFile: undefined,
  insecureHttp: false,
  proxyUrl: undefined,
  requestTimeoutMs: 30_000,
  streamIdleMs: 90_000,
  dataDir: '/var/lib/plexd',
  hostnameChosen: false,
  mode: 'node',
  logLevel: 'info',
  tokenValue: undefined,
  tokenFile: '/etc/plexd/bootstrap-token',
  tokenEnv: 'PLEXD_BOOTSTRAP_TOKEN',
  tokenFromMetadata: false,
  tokenMetadataPath: '/plexd/bootstrap-token',
  tokenMetadataTimeoutMs: 2_000,
  nodeMetadata: {},
  registerForMs: 5 * 60_000,
  heartbeatMs: 30_000,
  reconcileMs: 60_000,
  socketEnabled: true,
  socketPath: '/var/run/plexd/api.sock',
  httpEnabled: false,
  httpListen: '127.0.0.1:9100',
  httpTokenFile: undefined,
  reportDebounceMs: 5_000,
  actionsEnabled: true,
  maxConcurrentActions: 5,
  maxActionMs: 10 * 60_000,
  meshEnabled: true,
  meshInterface: 'plexd0',
  meshPort: 51_820,
  meshMtu: undefined,
  meshRanges: undefined,
  meshForeignAllowedIps: false,
  policyEnabled: true,
  policyDefault: 'deny',
  policyLogDenied: false,
  natEnabled: true,
  stunServers: undefined,
  natRefreshMs: 60_000,
  deregisterOnShutdown: false,
  limits: resolveLimits(limits, {}),
}

/** What one source sets; what is missing is left to the next. */
export type Settings = Partial<AgentConfig>

export interface ConfigSources {
  flags: Settings
  /** From `--config`; without it `PLEXD_CONFIG`, then the default file if there is one. */
  file: string | undefined
  env: NodeJS.ProcessEnv
  log: Log
}

/**
 * Flags over environment over file over what is remembered of the enrolment over defaults. The file may have any of the three forms (README, Go agent,
 * installer); each key shows by its shape which one it belongs to. Throws a CliError that names the key, its value and what is wanted.
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
    ...given,
  }
  config.hostnameChosen =
    (flags.hostname ?? fromEnvironment.hostname ?? fromFile.hostname) !== undefined
  // A token file that was named closer to the command beats a token in a source farther away.
  if (flags.tokenFile ?? fromEnvironment.tokenFile) config.tokenValue = flags.tokenValue
  if (config.apiUrl !== '') config.apiUrl = checkApiUrl(config.apiUrl, config.insecureHttp)
  config.proxyUrl = readProxy(config.apiUrl, env)
  return config
}

function readProxy(apiUrl: string, env: NodeJS.ProcessEnv): string | undefined {
  try {
    return proxyFor(apiUrl, env)
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}

/** All that is wrong in a config file, whether it would be read or not. */
export async function examineConfigFile(path: string): Promise<ConfigFinding[]> {
  try {
    const mapping = await readConfigFile(path)
    if (mapping === undefined) return [fileFault('there is no such file')]
    const { settings, faults, unknownKeys } = readForm(mapping, anyForm, path)
    return [
      ...faults.map(({ path: key, error }) => faultOf(key, error.message, path)),
      ...urlFaults(settings),
      ...unknownKeys.map((key) => unknownKey(key, nearestKey(key, anyForm))),
    ]
  } catch (error) {
    return [fileFault(describeError(error))]
  }
}

const fileFault = (detail: string): ConfigFinding => ({ key: '', state: 'error', detail })

/** The file and the key stand beside it. */
function faultOf(key: string, message: string, path: string): ConfigFinding {
  return { key, state: 'error', detail: message.replace(`config "${path}": ${key}: `, '') }
}

function urlFaults({ apiUrl = '', insecureHttp = false }: Settings): ConfigFinding[] {
  try {
    if (apiUrl !== '') checkApiUrl(apiUrl, insecureHttp)
    return []
  } catch (error) {
    return [{ key: 'api', state: 'error', detail: describeError(error) }]
  }
}

/** For commands that talk to the control plane. */
export function requireApiUrl(config: AgentConfig): void {
  if (config.apiUrl !== '') return
  throw new CliError(
    `no control plane is named: give --api https://HOST:PORT, or set PLEXD_API, or "api:" in ${defaultConfigFile}`,
    exitCodes.usage,
  )
}

/** No key means different things in two forms, so that one file may even mix them. */
const anyForm: Form = { ...goForm, ...installerForm, ...readmeForm }

async function readFile(named: string | undefined, log: Log): Promise<Settings> {
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
  const { settings, faults, unknownKeys } = readForm(mapping, anyForm, path)
  if (faults[0]) throw faults[0].error
  for (const key of unknownKeys) {
    const did_you_mean = nearestKey(key, anyForm)
    log.warn('unknown config key, ignored', { file: path, key, did_you_mean })
  }
  return settings
}
