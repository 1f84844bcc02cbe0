import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { masterKeyPath } from '../seal/master-key.ts'
import type { MovedDatabase } from './move.ts'
import type { TakenAuthority } from './take-authority.ts'

/** Telemetry, by the names in the data folder. */
const beside: readonly (readonly [name: string, words: string])[] = [
  ['telemetry', 'metrics, logs and audit records'],
  ['series.db', 'series of metrics'],
]

/** Telemetry in the data folder, and its words. */
export function telemetryIn(dataDir: string): { path: string; words: string }[] {
  return beside
    .map(([name, words]) => ({ path: join(dataDir, name), words }))
    .filter(({ path }) => existsSync(path))
}

interface Around {
  dataDir: string
  masterKeyFile: string | undefined
  backupFolder: string | undefined
  artifactStore: string | undefined
}

/** For a person: what was done, and what remains to be done. */
export function describeMove(moved: MovedDatabase, around: Around): string {
  const { dataDir } = around
  const masterKeyFile = masterKeyPath(around)
  const steps = [
    'name the database in the settings: database_url, and database_password_file where it wants a password',
    ...wordsOfBackups(around),
    'check it: plexd-control-plane doctor',
    'start it: systemctl start plexd-control-plane',
    `another machine that is to serve from it needs ${masterKeyFile}, which is not in it`,
    ...wordsOfKey(moved.authority),
    ...wordsOfStaying(moved, dataDir),
    ...wordsOfStore(around),
    ...moved.warnings,
    ...wordsOfRemains(moved, dataDir),
  ]
  return `${wordsOfCopy(moved)}Agents ask for all that is so when they connect again: the event log has a new epoch, ${moved.move.epoch}.\nNext:\n${steps.map((step) => `  - ${step}\n`).join('')}`
}

function wordsOfStaying({ move }: MovedDatabase, dataDir: string): string[] {
  if (move.has_telemetry) return []
  return telemetryIn(dataDir).map(
    ({ path, words }) =>
      `${words} stay in ${path}: they are not copied, and begin anew in the database; forwards go on with what comes from then on`,
  )
}

function wordsOfStore({ artifactStore }: Around): string[] {
  if (artifactStore === undefined) return []
  return [
    `artifacts stay in "${artifactStore}": leave artifact_store as it is, or upload them again where it is another one`,
  ]
}

function wordsOfCopy({ move, tables, blobs, telemetry }: MovedDatabase): string {
  if (!tables) return `moved to ${move.to}: an earlier attempt had copied all of it\n`
  const rows = tables.reduce((sum, { target }) => sum + target.rows, 0)
  const counts = [
    `${tables.length} tables with ${rows} rows`,
    ...blobs.map(({ what, target }) => `${target.items} ${what} with ${target.bytes} bytes`),
    ...wordsOfTelemetry(telemetry),
  ]
  return `moved to ${move.to}: ${counts.join(', ')}, all read again there and the same\n`
}

/** By kind, of all days together. */
function wordsOfTelemetry(parts: MovedDatabase['telemetry']): string[] {
  return Array.from(
    Map.groupBy(parts, ({ kind }) => kind),
    ([kind, ofKind]) => {
      const sum = (of: 'items' | 'bytes') =>
        ofKind.reduce((total, { target }) => total + target[of], 0)
      const what = kind === 'series' ? 'hours of series' : `records of ${kind}`
      return `${sum('items')} ${what} with ${sum('bytes')} bytes`
    },
  )
}

function wordsOfBackups({ backupFolder }: Around): string[] {
  if (backupFolder === undefined) return []
  return [
    `leave backup_folder out, which is for a state in the data folder: back the database up with pg_dump; what is in "${backupFolder}" is the state until now`,
  ]
}

function wordsOfKey(authority: TakenAuthority | undefined): string[] {
  if (!authority) return []
  return authority.key === 'sealed'
    ? [
        `the key of the authority is in the database now, sealed: ${authority.file} is left for going back, and is to be removed in the end`,
      ]
    : [
        `the key of the authority is not in the database, as it is kept elsewhere (${authority.file}): another machine needs it to make its certificate`,
      ]
}

function wordsOfRemains({ move, blobs }: MovedDatabase, dataDir: string): string[] {
  const files = { recordings: 'recordings.db', artifacts: 'artifacts' }
  const paths = [
    ...[move.aside, ...blobs.map(({ what }) => files[what])].map((name) => join(dataDir, name)),
    ...(move.has_telemetry ? telemetryIn(dataDir).map(({ path }) => path) : []),
  ]
  return [
    `to go back to the state of this moment, without all that happens from now on: stop it, leave database_url out, and mv ${join(dataDir, move.aside, 'control-plane.db')} ${dataDir}/`,
    `when you do not want to go back any more: rm -r ${paths.join(' ')}`,
  ]
}
