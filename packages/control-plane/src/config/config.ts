import { join } from 'node:path'
import { isLoopback, nearest } from '@plexd/protocol'
import { type ConfigFinding, describeError, missingPath, unknownKey } from '@plexd/runtime'
import type { Limits } from '../limits.ts'
import { type ForwardSettings, readForwards } from './forwards.ts'
import { type Origins, originsOf, type SettingSources } from './origins.ts'
import { fileName } from './settings/setting.ts'
import { readLimits } from './settings/values.ts'
import { type Given, type SettingValues, settingRows } from './settings.ts'

/** The configuration of `serve`: every setting, and some derived values; times in milliseconds. */
export interface Config extends Omit<SettingValues, 'stun' | 'limits'> {
  /** The STUN server that nodes use; undefined if there is none. */
  stun: SettingValues['listen'] | undefined
  limits: Limits
  /** Where telemetry is passed on to; in the file only. */
  forwards: readonly ForwardSettings[]
  /** Where each setting has its value from. */
  origins: Origins
  /** How long the mesh IP of a removed node is not reassigned. */
  addressCooldownMs: number
  /** Events older than this, or beyond the newest `eventLogMax`, are pruned. */
  eventLogMs: number
  eventLogMax: number
}

/** Flags take precedence over the environment, that over the file, that over credentials. Errors name the setting and the expected value. */
export function resolveConfig(sources: SettingSources): Config {
  const given: Given = { ...sources.credentials, ...sources.file, ...sources.env, ...sources.flags }
  const [unknown] = unknownSettings(given)
  if (unknown) throw new Error(`read config: there is no setting "${unknown.key}"${meant(unknown)}`)
  const values = Object.fromEntries(
    settingRows.map(([name, row]) => [name, row.from(given[fileName(row)])]),
  ) as SettingValues // each by its own row
  const { dataDir, listen, stun = { host: listen.host, port: 3478 } } = values
  const { adminSocket = join(dataDir, 'admin.sock') } = values
  refusePairs(values)
  return {
    ...defaults,
    ...values,
    stun: stun === 'off' ? undefined : stun,
    adminSocket: adminSocket === 'off' ? undefined : adminSocket,
    limits: readLimits(given.limits, values.limits),
    forwards: readForwards(given.forwards),
    origins: originsOf(sources),
  }
}

/** All faults of a config file beside these credentials, but only the first of the unreadable values. */
export function examineConfig(file: Given, credentials: Given = {}): ConfigFinding[] {
  const unknown = unknownSettings(file)
  const keys = new Set(unknown.map(({ key }) => key))
  const known = Object.fromEntries(Object.entries(file).filter(([name]) => !keys.has(name)))
  try {
    const config = resolveConfig({ flags: {}, env: {}, file: known, credentials })
    return [...missingPaths(config), ...unknown]
  } catch (error) {
    return [{ key: '', state: 'error', detail: describeError(error) }, ...unknown]
  }
}

/** Of files that are named, in the settings and in the forwards. */
function missingPaths(config: Config): ConfigFinding[] {
  const ofForwards = config.forwards.flatMap(({ name, caFile, headerFiles }) =>
    [caFile, ...Object.values(headerFiles)].flatMap((file) =>
      missingPath(`forwards, "${name}"`, file, 'file'),
    ),
  )
  const own = settingRows.flatMap(([name, row]) =>
    missingPath(fileName(row), config[name as keyof Config], row.wants),
  )
  return [...own, ...ofForwards]
}

/** An unknown setting prevents the start. */
function unknownSettings(given: Given): ConfigFinding[] {
  const known = [...settingRows.map(([, row]) => fileName(row)), 'limits', 'forwards']
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => ({ ...unknownKey(name, nearest(name, known)), state: 'error' }))
}

const meant = ({ did_you_mean }: ConfigFinding): string =>
  did_you_mean === undefined ? '' : `: did you mean "${did_you_mean}"?`

/** Settings that require or exclude each other. */
function refusePairs(values: SettingValues): void {
  refuseOpenBackups(values)
  refuseOtherDatabase(values)
  const { listen, insecureHttp, tlsCertFile, tlsKeyFile } = values
  if (insecureHttp && !isLoopback(listen.host))
    throw new Error(
      `serve plain HTTP on "${listen.host}": that is no loopback address, and nodes would send their keys in the clear`,
    )
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

/** Nobody should find out later that his backups can be read by everyone, or by nobody. */
function refuseOpenBackups(values: SettingValues): void {
  const { backupFolder, backupRecipients, backupUnencrypted } = values
  if (backupRecipients.length > 0 && backupUnencrypted)
    throw new Error('read config: either backup_recipient or backup_unencrypted')
  if (backupFolder !== undefined && backupRecipients.length === 0 && !backupUnencrypted)
    throw new Error(
      `read config: backup_folder "${backupFolder}": for whom are backups encrypted? Name a public key of age with backup_recipient (age-keygen makes one), or set backup_unencrypted`,
    )
}

/** Backups of ours are of the data folder, which the state is not in then. */
function refuseOtherDatabase({ databaseUrl, databasePasswordFile, backupFolder }: SettingValues) {
  if (databaseUrl === undefined && databasePasswordFile !== undefined)
    throw new Error(
      `read config: database_password_file "${databasePasswordFile}": for which database? Name it with database_url`,
    )
  if (databaseUrl !== undefined && backupFolder !== undefined)
    throw new Error(
      `read config: backup_folder "${backupFolder}": with database_url the state is not in the data folder: back it up with pg_dump, and leave this out`,
    )
}

/** Values without a setting of their own. */
const defaults = {
  addressCooldownMs: 3_600_000,
  eventLogMs: 7 * 24 * 3_600_000,
  eventLogMax: 200_000,
} as const
