import { existsSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { join } from 'node:path'
import { type Cidr, formatCidr, parseCidr, parseDuration, specialRangeIn } from '@plexd/protocol'
import { type LogLevel, logLevels, parseLimit, resolveLimits } from '@plexd/runtime'
import { type Limits, limits } from './limits.ts'

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

/** A setting has one name in three spellings: `--data-dir`, `PLEXD_CP_DATA_DIR`, `data_dir:` in the file. */
export interface Setting {
  flag: string
  /** What stands behind the flag; none for a switch. */
  value?: string
  description: string
  /** May be given more than once; in the environment separated by commas. */
  list?: true
}

export const settings: readonly Setting[] = [
  {
    flag: 'data-dir',
    value: 'DIR',
    description: 'where everything is kept (/var/lib/plexd-control-plane)',
  },
  {
    flag: 'listen',
    value: 'HOST:PORT',
    description: 'address to serve on; port 0 takes a free one (0.0.0.0:8443)',
  },
  {
    flag: 'stun-listen',
    value: 'HOST:PORT',
    description:
      'UDP address to tell nodes their public endpoint on, or "off" (HOST of --listen, port 3478)',
  },
  {
    flag: 'admin-socket',
    value: 'PATH',
    description:
      'Unix socket for operators on this machine, which answers also when the port is full, or "off" (DATA_DIR/admin.sock)',
  },
  {
    flag: 'metrics-listen',
    value: 'HOST:PORT',
    description:
      'address for /metrics and the health checks over plain HTTP, which --listen then serves no metrics on',
  },
  { flag: 'insecure-http', description: 'serve plain HTTP; on loopback addresses only' },
  {
    flag: 'tls-cert',
    value: 'FILE',
    description: 'certificate to serve with, instead of one of our own authority',
  },
  { flag: 'tls-key', value: 'FILE', description: 'its private key' },
  {
    flag: 'ca-key-file',
    value: 'FILE',
    description: 'key of our own authority, to keep it elsewhere (DATA_DIR/tls/ca.key)',
  },
  {
    flag: 'master-key-file',
    value: 'FILE',
    description: 'what the database is sealed under, to keep it elsewhere (DATA_DIR/master.key)',
  },
  {
    flag: 'tls-san',
    value: 'NAME',
    description: 'further name or address for our certificate; repeatable',
    list: true,
  },
  {
    flag: 'public-url',
    value: 'URL',
    description:
      'how nodes reach this control plane (where it listens; for 0.0.0.0 the first --tls-san, else the name of this machine)',
  },
  {
    flag: 'mesh-cidr',
    value: 'CIDR',
    description:
      'mesh addresses of a new installation (10.100.0.0/16); another one than that of an installation is refused',
  },
  {
    flag: 'heartbeat-interval',
    value: 'DURATION',
    description: 'how often nodes are expected to report (30s)',
  },
  {
    flag: 'key-max-age',
    value: 'DURATION',
    description: 'age before which nodes are asked for new keys; 0 for never (4320h)',
  },
  {
    flag: 'limit',
    value: 'NAME=NUMBER',
    description: 'another value for one of the limits of docs/reference/settings.md; repeatable',
    list: true,
  },
  { flag: 'log-level', value: 'LEVEL', description: `one of ${logLevels.join(', ')} (info)` },
]

/** What was given, by the name of the file: strings, true for a switch, lists. */
export type Given = Readonly<Record<string, unknown>>

/** Flags win over the environment, that over the file. Errors say which setting and what it should be. */
export function resolveConfig(sources: { flags: Given; env: Given; file: Given }): Config {
  const given: Record<string, unknown> = { ...sources.file, ...sources.env, ...sources.flags }
  const known = new Set([...settings.map(({ flag }) => fileName(flag)), 'limits'])
  for (const name of Object.keys(given))
    if (!known.has(name)) throw new Error(`read config: there is no setting "${name}"`)

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

/** What the environment gives. */
export function envSettings(env: NodeJS.ProcessEnv): Given {
  return Object.fromEntries(
    settings.flatMap(({ flag }) => {
      const value = env[`PLEXD_CP_${fileName(flag).toUpperCase()}`]
      return value === undefined || value === '' ? [] : [[fileName(flag), value]]
    }),
  )
}

/** Keys that systemd hands over (`LoadCredential=master.key:…`, `ca.key`), in place of those in the data folder. */
export function credentialSettings(env: NodeJS.ProcessEnv): Given {
  const folder = env.CREDENTIALS_DIRECTORY
  if (folder === undefined || folder === '') return {}
  const files = { master_key_file: join(folder, 'master.key'), ca_key_file: join(folder, 'ca.key') }
  return Object.fromEntries(Object.entries(files).filter(([, path]) => existsSync(path)))
}

/** `data-dir` as it is called in the file: `data_dir`. */
export function fileName(flag: string): string {
  return flag.replaceAll('-', '_')
}

/** What no flag changes. */
const defaults = {
  addressCooldownMs: 3_600_000,
  eventLogMs: 7 * 24 * 3_600_000,
  eventLogMax: 200_000,
  telemetryMs: 7 * 24 * 3_600_000,
} as const

function parseListen(name: string, text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535)
    throw new Error(`read config: ${name} "${text}": want HOST:PORT, as in 127.0.0.1:8443`)
  return { host: bracketed ?? (plain || '0.0.0.0'), port: Number(port) }
}

/** Of a host as it stands in a setting or a URL. */
export function isLoopback(text: string): boolean {
  const host = text.replace(/^\[|\]$/g, '')
  if (host === 'localhost') return true
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  loopback.addAddress('::1', 'ipv6')
  const family = isIP(host)
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

function parseSwitch(name: string, value: unknown): boolean {
  const text = String(value ?? 'false')
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw new Error(`read config: "${name}" is "${text}": want true or false`)
}

function parseList(name: string, value: unknown): string[] {
  if (value === undefined || value === null) return []
  const list = Array.isArray(value) ? value : String(value).split(',')
  return list.map((item) => {
    if (typeof item !== 'string') throw new Error(`read config: "${name}" wants a list of texts`)
    return item.trim()
  })
}

function checkTlsName(text: string): string {
  if (isIP(text) === 0 && !/^[\w*][\w.*-]*$/.test(text))
    throw new Error(
      `read config: tls_san "${text}": want a name or an address, without https:// and port`,
    )
  return text
}

/** A mapping of the file, and over it what flag or environment say. */
function readLimits(mapping: unknown, list: unknown): Limits {
  if (typeof list === 'object' && list !== null && !Array.isArray(list))
    throw new Error('read config: "limit" is no mapping: write it as "limits"')
  if (mapping !== undefined && (typeof mapping !== 'object' || mapping === null))
    throw new Error('read config: "limits" wants a mapping of names to numbers')
  try {
    const listed = Object.fromEntries(parseList('limit', list).map(parseLimit))
    return resolveLimits(limits, { ...mapping, ...listed })
  } catch (error) {
    throw new Error(`read config: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function parsePublicUrl(text: string): string {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error(
      `read config: public_url "${text}": want a URL, as in https://plexd.example.com`,
    )
  return text.replace(/\/+$/, '')
}

function parseMeshCidr(text: string): string {
  const refuse = (why: string): Error => new Error(`read config: mesh_cidr "${text}": ${why}`)
  const range = readCidr(text, refuse)
  if (range.prefixLength < 8 || range.prefixLength > 30)
    throw refuse('want a prefix length from 8 to 30')
  const special = specialRangeIn(range)
  if (special)
    throw refuse(
      `it overlaps ${formatCidr(special.range)}, which is ${special.kind}: take a private range, such as 10.100.0.0/16`,
    )
  return text
}

function readCidr(text: string, refuse: (why: string) => Error): Cidr {
  try {
    return parseCidr(text)
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error))
  }
}

function readDuration(name: string, text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new Error(
      `read config: ${name}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function parseInterval(text: string): number {
  const ms = readDuration('heartbeat_interval', text)
  if (ms < 100) throw new Error(`read config: heartbeat_interval "${text}": want 100ms at least`)
  return ms
}

function parseMaxAge(text: string): number {
  const ms = readDuration('key_max_age', text)
  if (ms !== 0 && ms < 60_000)
    throw new Error(`read config: key_max_age "${text}": want 1m at least, or 0 for never`)
  return ms
}

function parseLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text)
  if (!level) throw new Error(`read config: log_level "${text}": want ${logLevels.join(', ')}`)
  return level
}
