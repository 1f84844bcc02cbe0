import { findCredentials, logLevels } from '@plexd/runtime'
import { type OptionalPart, optionalParts } from './backup-parts.ts'
import {
  parseBackupAge,
  parseBackupKeep,
  parseBackupPart,
  parseBackupRecipient,
  parseBackupRhythm,
} from './backup-values.ts'
import {
  checkTlsName,
  parseInterval,
  parseList,
  parseListen,
  parseLogLevel,
  parseMaxAge,
  parseMeshCidr,
  parsePublicUrl,
  parseRetention,
  parseSwitch,
} from './values.ts'

interface Row {
  /** One name, three spellings: `--data-dir`, `PLEXD_CP_DATA_DIR`, `data_dir:` in the file. */
  name: string
  /** The placeholder of the option's value; none for a switch. */
  value?: string
  /** The default, as it would be written. */
  default?: string
  /** The default in words, if it depends on other settings. */
  otherwise?: string
  /** May be repeated; comma-separated in the environment. */
  list?: true
  /** The name of a credential of systemd that is its file, unless another is named. */
  credential?: string
  /** Whether SIGHUP reloads it; then its users must read `app.config` each time. All others need a restart. */
  reloads?: true
  /** The description for the reference and `--help`. */
  help: string
}

export interface Setting<Value> extends Row {
  /** Parses the given value, undefined or null if there is none. Throws an error that names the setting and the expected value. */
  from(given: unknown): Value
}

/** A row with the parser of its text. */
type TextRow<Value> = Row & { read: (text: string, name: string) => Value }

function withDefault<Value>(row: TextRow<Value> & { default: string }): Setting<Value> {
  const name = fileName(row)
  return { ...row, from: (given) => row.read(textOf(name, given) ?? row.default, name) }
}

function optional<Value>(row: TextRow<Value>): Setting<Value | undefined> {
  const name = fileName(row)
  const from = (given: unknown): Value | undefined => {
    const text = textOf(name, given)
    return text === undefined ? undefined : row.read(text, name)
  }
  return { ...row, from }
}

const asIs = (text: string): string => text
const place = (text: string, name: string) => parseListen(name, text)

export const settings = {
  dataDir: withDefault({
    name: 'data-dir',
    value: 'DIR',
    default: '/var/lib/plexd-control-plane',
    help: 'where everything is kept',
    read: asIs,
  }),
  listen: withDefault({
    name: 'listen',
    value: 'HOST:PORT',
    default: '0.0.0.0:8443',
    help: 'address to serve on; port 0 takes a free one',
    read: place,
  }),
  stun: optional({
    name: 'stun-listen',
    value: 'HOST:PORT',
    otherwise: 'HOST of --listen, port 3478',
    help: 'UDP address to tell nodes their public endpoint on, or "off"',
    read: (text, name) => (text === 'off' ? text : place(text, name)),
  }),
  adminSocket: optional({
    name: 'admin-socket',
    value: 'PATH',
    otherwise: 'DATA_DIR/admin.sock',
    help: 'Unix socket for operators on this machine, who need a token here too; it answers also when the port is full; or "off"',
    read: asIs,
  }),
  metrics: optional({
    name: 'metrics-listen',
    value: 'HOST:PORT',
    help: 'address for /metrics and the health checks over plain HTTP, which --listen then serves no metrics on',
    read: place,
  }),
  insecureHttp: {
    name: 'insecure-http',
    help: 'serve plain HTTP; on loopback addresses only',
    from: (given: unknown) => parseSwitch('insecure_http', given),
  },
  tlsCertFile: optional({
    name: 'tls-cert',
    value: 'FILE',
    credential: 'tls.crt',
    reloads: true,
    help: 'certificate to serve with, instead of one of our own authority; wants --tls-key',
    read: asIs,
  }),
  tlsKeyFile: optional({
    name: 'tls-key',
    value: 'FILE',
    credential: 'tls.key',
    reloads: true,
    help: 'its private key; wants --tls-cert',
    read: asIs,
  }),
  caKeyFile: optional({
    name: 'ca-key-file',
    value: 'FILE',
    credential: 'ca.key',
    otherwise: 'DATA_DIR/tls/ca.key',
    help: 'key of our own authority, to keep it elsewhere',
    read: asIs,
  }),
  masterKeyFile: optional({
    name: 'master-key-file',
    value: 'FILE',
    credential: 'master.key',
    otherwise: 'DATA_DIR/master.key',
    help: 'what the database is sealed under, to keep it elsewhere',
    read: asIs,
  }),
  tlsNames: {
    name: 'tls-san',
    value: 'NAME',
    list: true,
    reloads: true,
    help: 'further name or address for our certificate; repeatable',
    from: (given: unknown): readonly string[] => parseList('tls_san', given).map(checkTlsName),
  },
  publicUrl: optional({
    name: 'public-url',
    value: 'URL',
    otherwise:
      'where it listens; for 0.0.0.0 the first --tls-san, else an address of this machine, else its name',
    help: 'how nodes reach this control plane',
    read: parsePublicUrl,
  }),
  meshCidr: optional({
    name: 'mesh-cidr',
    value: 'CIDR',
    help: 'mesh addresses of a new installation (10.100.0.0/16); one that is no range of an installation is refused, for `plexctl mesh range add` gives it another',
    read: parseMeshCidr,
  }),
  heartbeatIntervalMs: withDefault({
    name: 'heartbeat-interval',
    value: 'DURATION',
    default: '30s',
    help: 'how often nodes are expected to report',
    read: parseInterval,
  }),
  keyMaxAgeMs: withDefault({
    name: 'key-max-age',
    value: 'DURATION',
    default: '4320h',
    reloads: true,
    help: 'age before which nodes are asked for new keys; 0 for never',
    read: parseMaxAge,
  }),
  recordingRetentionMs: withDefault({
    name: 'recording-retention',
    value: 'DURATION',
    default: '720h',
    reloads: true,
    help: 'how long recordings of sessions are kept, 24h at least; past limit recording_bytes the oldest go sooner',
    read: parseRetention,
  }),
  backupFolder: optional({
    name: 'backup-folder',
    value: 'DIR',
    reloads: true,
    help: 'where backups are made by themselves, a folder that is there, best on another disk; wants --backup-recipient or --backup-unencrypted',
    read: asIs,
  }),
  backupEvery: withDefault({
    name: 'backup-every',
    value: 'TIME',
    default: '24h',
    reloads: true,
    help: 'how often: a duration since the last one, or a cron expression in UTC such as "30 3 * * *"',
    read: parseBackupRhythm,
  }),
  backupKeep: withDefault({
    name: 'backup-keep',
    value: 'NUMBER',
    default: '7',
    reloads: true,
    help: 'how many of them are kept, the newest',
    read: parseBackupKeep,
  }),
  backupKeepForMs: optional({
    name: 'backup-keep-for',
    value: 'DURATION',
    reloads: true,
    help: 'older ones beyond that number are kept so long',
    read: parseBackupAge,
  }),
  backupRecipients: {
    name: 'backup-recipient',
    value: 'AGE1...',
    list: true,
    reloads: true,
    help: 'public key of age that backups are encrypted to; repeatable',
    from: (given: unknown): readonly string[] =>
      parseList('backup_recipient', given).map(parseBackupRecipient),
  },
  backupUnencrypted: {
    name: 'backup-unencrypted',
    reloads: true,
    help: 'do not encrypt them: whoever has such a file has the state, and the keys in it',
    from: (given: unknown) => parseSwitch('backup_unencrypted', given),
  },
  backupParts: {
    name: 'backup-with',
    value: 'PART',
    list: true,
    reloads: true,
    help: `what they have beside the state: ${optionalParts.join(', ')}; repeatable`,
    from: (given: unknown): readonly OptionalPart[] =>
      parseList('backup_with', given).map(parseBackupPart),
  },
  limits: {
    name: 'limit',
    value: 'NAME=NUMBER',
    list: true,
    help: 'another value for one of the limits of docs/reference/settings.md; repeatable',
    // The values under `limits` in the file are merged with it.
    from: (given: unknown) => given,
  },
  logLevel: withDefault({
    name: 'log-level',
    value: 'LEVEL',
    default: 'info',
    reloads: true,
    help: `one of ${logLevels.join(', ')}`,
    read: parseLogLevel,
  }),
} as const satisfies Record<string, Setting<unknown>>

/** The value of each. */
export type SettingValues = {
  [Name in keyof typeof settings]: ReturnType<(typeof settings)[Name]['from']>
}

/** The rows with the names of their values, in the order of the table. */
export const settingRows: readonly (readonly [string, Setting<unknown>])[] =
  Object.entries(settings)

/** The given values by their names in the file: strings, true for a switch, lists. */
export type Given = Readonly<Record<string, unknown>>

/** The values from the environment. */
export function envSettings(env: NodeJS.ProcessEnv): Given {
  return Object.fromEntries(
    settingRows.flatMap(([, row]) => {
      const value = env[`PLEXD_CP_${fileName(row).toUpperCase()}`]
      return value === undefined || value === '' ? [] : [[fileName(row), value]]
    }),
  )
}

/** Those that may be a credential of systemd, by their names in the file, with its name. */
export const credentialNames = settingRows.map(
  ([, row]) => [fileName(row), row.credential] as const,
)

/** The files that systemd hands over (`LoadCredential=master.key:…`), instead of those in the data folder. */
export function credentialSettings(env: NodeJS.ProcessEnv): Given {
  const found = findCredentials(credentialNames, env)
  return Object.fromEntries(Array.from(found, ([name, { file }]) => [name, file]))
}

/** `data-dir` as it is called in the file: `data_dir`. */
export function fileName({ name }: Pick<Row, 'name'>): string {
  return name.replaceAll('-', '_')
}

/** For `--help` and the reference. */
export function describeSetting({ help, default: standard, otherwise, credential }: Row): string {
  const without = standard ?? otherwise
  const words = without === undefined ? help : `${help} (${without})`
  return credential === undefined ? words : `${words}; or the credential ${credential} of systemd`
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'object' || value === '')
    throw new Error(`read config: "${name}" wants a text`)
  return String(value)
}
