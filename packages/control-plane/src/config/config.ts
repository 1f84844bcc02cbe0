import { join } from 'node:path'
import { isLoopback, nearest } from '@plexd/protocol'
import { type ConfigFinding, describeError, type LogLevel, unknownKey } from '@plexd/runtime'
import type { Limits } from '../limits.ts'
import { fileName, type Given, settings } from './settings.ts'
import {
  checkTlsName,
  parseInterval,
  parseList,
  parseListen,
  parseLogLevel,
  parseMaxAge,
  parseMeshCidr,
  parsePublicUrl,
  parseSwitch,
  readLimits,
} from './values.ts'

/** What `serve` runs with; times in milliseconds. */
export interface Config {
  dataDir: string
  host: string
  /** 0 for any that is free. */
  port: number
  /** Unix socket for operators on this machine; undefined for none. */
  adminSocket?: string
  /** Where nodes ask by STUN from where they are seen; undefined where they cannot. */
  stun?: { host: string; port: number }
  /** Where metrics are served over plain HTTP, and only there; undefined for where everything is. */
  metrics?: { host: string; port: number }
  /** Plain HTTP, on a loopback address only. */
  insecureHttp: boolean
  tlsCertFile?: string
  tlsKeyFile?: string
  /** The key of our own authority; in the data folder when left out. */
  caKeyFile?: string
  /** What everything in the database is sealed under; in the data folder when left out. */
  masterKeyFile?: string
  /** Names and addresses for the server certificate beside those of this machine. */
  tlsNames: readonly string[]
  /** How nodes reach us, as `https://host:port`; goes into callback URLs. Worked out of where we listen when left out. */
  publicUrl?: string
  /** Range of a new installation's tenant; that of another one stays as it is. */
  meshCidr?: string
  heartbeatIntervalMs: number
  /** Nodes are asked to rotate their keys before these are older; 0 for never. */
  keyMaxAgeMs: number
  /** How long the mesh IP of a removed node stays unused. */
  addressCooldownMs: number
  /** Events older than this, or beyond the newest `eventLogMax`, are pruned. */
  eventLogMs: number
  eventLogMax: number
  telemetryMs: number
  logLevel: LogLevel
  limits: Limits
}

/** Flags win over the environment, that over the file. Errors say which setting and what it should be. */
export function resolveConfig(sources: { flags: Given; env: Given; file: Given }): Config {
  const given: Record<string, unknown> = { ...sources.file, ...sources.env, ...sources.flags }
  const [unknown] = unknownSettings(given)
  if (unknown) throw new Error(`read config: there is no setting "${unknown.key}"${meant(unknown)}`)

  const text = (name: string): string | undefined => {
    const value = given[name]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'object' || value === '')
      throw new Error(`read config: "${name}" wants a text`)
    return String(value)
  }
  const { host, port } = parseListen('listen', text('listen') ?? '0.0.0.0:8443')
  const stun = text('stun_listen') ?? { host, port: 3478 }
  const insecureHttp = parseSwitch('insecure_http', given.insecure_http)
  if (insecureHttp && !isLoopback(host))
    throw new Error(
      `serve plain HTTP on "${host}": that is no loopback address, and nodes would send their keys in the clear`,
    )
  const metrics = text('metrics_listen')
  const tlsCertFile = text('tls_cert')
  const tlsKeyFile = text('tls_key')
  refusePairs({ insecureHttp, tlsCertFile, tlsKeyFile })
  const caKeyFile = text('ca_key_file')
  const masterKeyFile = text('master_key_file')
  const publicUrl = text('public_url')
  const meshCidr = text('mesh_cidr')
  const dataDir = text('data_dir') ?? '/var/lib/plexd-control-plane'
  const adminSocket = text('admin_socket') ?? join(dataDir, 'admin.sock')
  return {
    ...defaults,
    dataDir,
    host,
    port,
    ...(stun === 'off'
      ? {}
      : { stun: typeof stun === 'string' ? parseListen('stun_listen', stun) : stun }),
    ...(adminSocket === 'off' ? {} : { adminSocket }),
    ...(metrics === undefined ? {} : { metrics: parseListen('metrics_listen', metrics) }),
    insecureHttp,
    ...(tlsCertFile === undefined ? {} : { tlsCertFile }),
    ...(tlsKeyFile === undefined ? {} : { tlsKeyFile }),
    ...(caKeyFile === undefined ? {} : { caKeyFile }),
    ...(masterKeyFile === undefined ? {} : { masterKeyFile }),
    tlsNames: parseList('tls_san', given.tls_san).map(checkTlsName),
    ...(publicUrl === undefined ? {} : { publicUrl: parsePublicUrl(publicUrl) }),
    ...(meshCidr === undefined ? {} : { meshCidr: parseMeshCidr(meshCidr) }),
    heartbeatIntervalMs: parseInterval(text('heartbeat_interval') ?? '30s'),
    keyMaxAgeMs: parseMaxAge(text('key_max_age') ?? '4320h'),
    logLevel: parseLogLevel(text('log_level') ?? 'info'),
    limits: readLimits(given.limits, given.limit),
  }
}

/** All that is wrong in a config file; of values that cannot be read the first. */
export function examineConfig(file: Given): ConfigFinding[] {
  const unknown = unknownSettings(file)
  const keys = new Set(unknown.map(({ key }) => key))
  const known = Object.fromEntries(Object.entries(file).filter(([name]) => !keys.has(name)))
  try {
    resolveConfig({ flags: {}, env: {}, file: known })
    return unknown
  } catch (error) {
    return [{ key: '', state: 'error', detail: describeError(error) }, ...unknown]
  }
}

/** With one of them nothing starts. */
function unknownSettings(given: Given): ConfigFinding[] {
  const known = [...settings.map(({ flag }) => fileName(flag)), 'limits']
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => ({ ...unknownKey(name, nearest(name, known)), state: 'error' }))
}

const meant = ({ did_you_mean }: ConfigFinding): string =>
  did_you_mean === undefined ? '' : `: did you mean "${did_you_mean}"?`

/** Settings that are nothing without each other, or beside each other. */
function refusePairs({
  insecureHttp,
  tlsCertFile,
  tlsKeyFile,
}: {
  insecureHttp: boolean
  tlsCertFile: string | undefined
  tlsKeyFile: string | undefined
}): void {
  const alone = tlsCertFile === undefined ? 'tls_key' : 'tls_cert'
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined))
    throw new Error(
      `read config: ${alone} "${tlsCertFile ?? tlsKeyFile}": a certificate needs its key: give both --tls-cert and --tls-key`,
    )
  if (insecureHttp && tlsCertFile !== undefined)
    throw new Error(
      `read config: tls_cert "${tlsCertFile}": over plain HTTP no certificate is served: leave out --insecure-http, or --tls-cert and --tls-key`,
    )
}

/** What no flag changes. */
const defaults = {
  addressCooldownMs: 3_600_000,
  eventLogMs: 7 * 24 * 3_600_000,
  eventLogMax: 200_000,
  telemetryMs: 7 * 24 * 3_600_000,
} as const
