import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { movePath } from '../store/place/moved.ts'
import type { MovedDatabase } from './move.ts'
import type { TakenAuthority } from './take-authority.ts'

/** What is not part of the state, by the names in the data folder. */
const beside: readonly (readonly [name: string, words: string])[] = [
  ['telemetry', 'metrics, logs and audit records'],
  ['series.db', 'series of metrics'],
  ['recordings.db', 'recordings of sessions'],
  ['artifacts', 'artifacts for upgrades'],
]

/** What stays in the data folder, and its words. */
export function stayingIn(dataDir: string): { path: string; words: string }[] {
  return beside
    .map(([name, words]) => ({ path: join(dataDir, name), words }))
    .filter(({ path }) => existsSync(path))
}

/** For a person: what was done, and what remains to be done. */
export function describeMove(
  { move, tables, authority }: MovedDatabase,
  { dataDir, backupFolder }: { dataDir: string; backupFolder: string | undefined },
): string {
  const staying = stayingIn(dataDir)
  const steps = [
    `name it in the settings: database_url, and database_password_file where it wants a password`,
    ...(backupFolder === undefined
      ? []
      : [
          `leave backup_folder out: from now on the database is backed up with pg_dump; what is in "${backupFolder}" is the state until now`,
        ]),
    `check it: plexd-control-plane doctor`,
    'start it: systemctl start plexd-control-plane',
    `machines that wait for their turn need ${join(dataDir, 'master.key')}, or the file of master_key_file`,
    ...wordsOfKey(authority),
    ...(staying.length === 0
      ? []
      : [
          `not copied: ${staying.map(({ path, words }) => `${words} stay in ${path}`).join(', ')}; this machine goes on with them, and another one that takes over has none of them`,
        ]),
    `what was the database is in ${join(dataDir, move.aside)}: remove it when you do not want to go back any more; how to do that is said by a start without database_url (${movePath(dataDir)})`,
  ]
  return `${wordsOfCopy({ move, tables })}Agents ask for all that is so when they connect again: the event log has a new epoch, ${move.epoch}.\nNext:\n${steps.map((step) => `  - ${step}\n`).join('')}`
}

function wordsOfCopy({ move, tables }: Pick<MovedDatabase, 'move' | 'tables'>): string {
  if (!tables) return `moved to ${move.to}: an earlier attempt had copied all of it\n`
  const rows = tables.reduce((sum, { target }) => sum + target.rows, 0)
  return `moved to ${move.to}: ${tables.length} tables, ${rows} rows, all read again there and the same\n`
}

function wordsOfKey(authority: TakenAuthority | undefined): string[] {
  if (!authority) return []
  return authority.key === 'sealed'
    ? [
        `the key of the authority is in the database now, sealed: ${authority.file} is needed only to go back, so remove it then too`,
      ]
    : [
        `the key of the authority is not in the database, as it is kept in ${authority.file} or elsewhere: another machine needs it to make its certificate`,
      ]
}
