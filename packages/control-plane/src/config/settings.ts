import { findCredentials, logLevels } from '@plexd/runtime'
import { artifactSettings } from './settings/artifacts.ts'
import { backupSettings } from './settings/backups.ts'
import { databaseSettings } from './settings/database.ts'
import { servingSettings } from './settings/serving.ts'
import { asIs, fileName, optional, type Setting, withDefault, within } from './settings/setting.ts'
import { parseLogLevel, parseMeshCidr } from './settings/values.ts'

const dayMs = 24 * 3_600_000
const yearMs = 365 * dayMs

export const settings = {
  dataDir: withDefault({
    name: 'data-dir',
    value: 'DIR',
    default: '/var/lib/plexd-control-plane',
    help: 'where everything is kept',
    read: asIs,
  }),
  ...databaseSettings,
  ...artifactSettings,
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
    // Nodes are offline after ten missed heartbeats.
    ...within({ unit: 'ms', min: 100, max: dayMs }),
  }),
  keyMaxAgeMs: withDefault({
    name: 'key-max-age',
    value: 'DURATION',
    default: '4320h',
    reloads: true,
    help: 'age before which nodes are asked for new keys',
    ...within({ unit: 'ms', min: 60_000, max: 10 * yearMs, zero: 'never' }),
  }),
  recordingRetentionMs: withDefault({
    name: 'recording-retention',
    value: 'DURATION',
    default: '720h',
    reloads: true,
    help: 'how long recordings of sessions are kept; past limit recording_bytes the oldest go sooner',
    // A session may last for half a day, and a node may be away for a while.
    ...within({ unit: 'ms', min: dayMs, max: 10 * yearMs }),
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
