import { CliError, exitCodes, type LogLevel, resolveLimits } from '@plexd/runtime'
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

/** For commands that talk to the control plane. */
export function requireApiUrl(config: AgentConfig): void {
  if (config.apiUrl !== '') return
  throw new CliError(
    `no control plane is named: give --api https://HOST:PORT, or set PLEXD_API, or "api:" in ${defaultConfigFile}`,
    exitCodes.usage,
  )
}
