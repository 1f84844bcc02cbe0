import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { CliError, describeError, exitCodes, openOutput } from '@plexd/runtime'
import type { OptionalPart } from '../config/settings/backup-parts.ts'
import { loadMasterKey } from '../seal/master-key.ts'
import { refuseMoved } from '../store/place/moved.ts'
import { version } from '../version.ts'
import { type Manifest, totalBytes } from './archive/manifest.ts'
import { writeArchive } from './archive/write-archive.ts'
import { contentOf, isWanted, unfinishedPrefix } from './contents.ts'
import { listFiles } from './list-files.ts'
import { addRecord, type BackupRecord } from './records.ts'
import { demandRoom } from './room.ts'
import { takeSnapshot } from './snapshot.ts'
import { claimStaging } from './staging.ts'

export interface CreateOptions {
  dataDir: string
  out: string
  parts: readonly OptionalPart[]
  /** Of age; without any, the backup is readable to whoever has it. */
  recipients: readonly string[]
  masterKeyFile: string | undefined
  /** What has the artifacts, if not the data folder: for messages. */
  artifactStore?: string | undefined
  /** Other files that settings name, by the settings. */
  named: Readonly<Record<string, string | undefined>>
  by: BackupRecord['by']
  now: () => number
  onProgress: (text: string) => void
}

export interface CreatedBackup {
  file: string
  bytes: number
  seconds: number
  is_encrypted: boolean
  manifest: Manifest
  warnings: string[]
}

/** Makes a backup of a control plane that may run meanwhile. Success and failure are on record in the data folder. */
export async function createBackup(options: CreateOptions): Promise<CreatedBackup> {
  const { dataDir, now } = options
  const file = resolve(options.out)
  const startMs = now()
  demandDataFolder(dataDir)
  try {
    const made = await create({ ...options, out: file })
    const seconds = (now() - startMs) / 1_000
    const { bytes, is_encrypted, manifest } = made
    const { parts, epoch, sequence } = manifest
    const facts = { bytes, seconds, parts, is_encrypted, epoch, sequence }
    await addRecord(dataDir, recordOf(options, { file, outcome: 'ok', ...facts }))
    return { file, seconds, ...made }
  } catch (error) {
    const failure = { file, outcome: 'failed', reason: describeError(error) } as const
    await addRecord(dataDir, recordOf(options, failure)).catch(() => {}) // what failed is reported all the same
    throw error
  }
}

function demandDataFolder(dataDir: string): void {
  // Neither what was there nor what comes is complete.
  if (existsSync(dataDir) && readdirSync(dataDir).some((name) => name.startsWith(unfinishedPrefix)))
    throw new CliError(
      `back up "${dataDir}": a restore was interrupted in it: start the control plane, which finishes that`,
    )
  refuseMoved(dataDir)
  if (!existsSync(join(dataDir, 'control-plane.db')))
    throw new CliError(
      `back up "${dataDir}": it is no data folder of a control plane: name that with --data-dir`,
      exitCodes.usage,
    )
}

function recordOf(
  { by, now }: CreateOptions,
  outcome: Omit<BackupRecord, 'kind' | 'by' | 'at'>,
): BackupRecord {
  return { kind: 'create', by, at: new Date(now()).toISOString(), ...outcome }
}

async function create(options: CreateOptions): Promise<Omit<CreatedBackup, 'file' | 'seconds'>> {
  const { dataDir, out, parts, recipients, artifactStore, onProgress, now } = options
  const masterKeyFile = options.masterKeyFile ?? join(dataDir, 'master.key')
  demandFolder(dirname(out))
  await using staging = await claimStaging(dataDir)
  await demandRoomFor(options, staging.path)
  await using output = await openOutput(out, 'backup')
  const { facts, files, warnings } = await takeSnapshot({
    ...{ dataDir, parts, masterKeyFile, artifactStore, onProgress },
    staging: staging.path,
  })
  const key = await loadMasterKey({ path: masterKeyFile, isNew: false })
  const manifest: Manifest = {
    format: 'plexd-backup',
    format_version: 1,
    created_at: new Date(now()).toISOString(),
    program_version: version,
    schema_version: facts.schemaVersion,
    epoch: facts.epoch,
    sequence: facts.sequence,
    nodes: facts.nodes,
    parts: [...parts],
    master_key_id: key.id(),
    elsewhere: elsewhere(options),
    files: files.map(({ source: _, ...file }) => file),
  }
  onProgress(`writing ${out}`)
  await writeArchive({ manifest, files, recipients, to: output.stream })
  await output.keep()
  return { bytes: statSync(out).size, is_encrypted: recipients.length > 0, manifest, warnings }
}

function demandFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  throw new CliError(`write to "${folder}": there is no such folder: make it, or choose another`)
}

/** Databases are copied, and nobody knows how well they compress. */
async function demandRoomFor(options: CreateOptions, staging: string): Promise<void> {
  const { dataDir, out, parts } = options
  const wanted = (await listFiles(dataDir)).filter((path) => isWanted(contentOf(path), parts))
  const sizeOf = (path: string): { size: number } =>
    statSync(join(dataDir, path), { throwIfNoEntry: false }) ?? { size: 0 }
  const isDatabase = (path: string): boolean => contentOf(path)?.kind === 'database'
  const databases = wanted.filter(isDatabase)
  const files = wanted.filter((path) => !isDatabase(path))
  // What is in a write-ahead log yet becomes part of its database.
  const copied = databases.flatMap((path) => [sizeOf(path), sizeOf(`${path}-wal`)])
  const needs = [
    { folder: staging, bytes: totalBytes(copied) },
    { folder: dirname(out), bytes: totalBytes([...files.map(sizeOf), ...copied]) },
  ]
  await demandRoom(needs, `back up "${dataDir}"`)
}

/** What a restored control plane has to be given, besides its backup: settings that name files outside the data folder. */
function elsewhere({ dataDir, masterKeyFile, named }: CreateOptions): string[] {
  return Object.entries({ master_key_file: masterKeyFile, ...named }).flatMap(([name, file]) =>
    file !== undefined && relative(resolve(dataDir), resolve(file)).startsWith('..') ? [name] : [],
  )
}
