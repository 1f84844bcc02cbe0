import { findCredentials, logLevels } from '@plexd/runtime'
import { backupSettings } from './settings/backups.ts'
import { servingSettings } from './settings/serving.ts'
import { asIs, fileName, optional, type Setting, withDefault } from './settings/setting.ts'
import {
  parseInterval,
  parseLogLevel,
  parseMaxAge,
  parseMeshCidr,
  parseRetention,
} from './settings/values.ts'

export const settings = {
  dataDir: withDefault({
    name: 'data-dir',
    value: 'DIR',
    default: '/var/lib/plexd-control-plane',
    help: 'where everything is kept',
    read: asIs,
  }),
  ...servingSettings,
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
  ...backupSettings,
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
