import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describeError } from '@plexd/runtime'
import { loadMasterKey } from '../seal/master-key.ts'
import { open } from '../seal/seal.ts'
import { newestSchema } from '../store/migrate.ts'
import type { Manifest } from './archive/manifest.ts'
import { contentOf } from './contents.ts'
import { type DatabaseFacts, readFacts } from './database-facts.ts'

/** What the check could not find out. */
export interface Checked {
  /** Whether the master key opens the database; undefined without a key. */
  opens_with_key: boolean | undefined
}

/**
 * Checks an unpacked backup: that the pages of all databases fit together, that this program knows the schema, that database and manifest
 * belong together, and that the master key is that of the database. Throws an error that says what is wrong.
 */
export async function checkContents(
  folder: string,
  manifest: Manifest,
  { masterKeyFile, check }: { masterKeyFile: string | undefined; check: PageCheck },
): Promise<Checked> {
  for (const { path } of manifest.files)
    if (contentOf(path)?.kind === 'database') checkPages(join(folder, path), path, check)
  const facts = checkFacts(join(folder, 'control-plane.db'), manifest)
  const own = join(folder, 'master.key')
  const path = masterKeyFile ?? (existsSync(own) ? own : undefined)
  if (path === undefined) return { opens_with_key: undefined }
  await checkKey(path, facts, manifest)
  return { opens_with_key: true }
}

/** The first also compares each index with its table, which takes several times as long. */
type PageCheck = 'integrity_check' | 'quick_check'

function checkPages(file: string, path: string, check: PageCheck): void {
  let fault: string
  try {
    using database = new DatabaseSync(file)
    fault = String(database.prepare(`pragma ${check}(1)`).get()?.[check])
  } catch (error) {
    fault = describeError(error)
  }
  if (fault !== 'ok') throw new Error(`database "${path}": ${fault}`)
}

function checkFacts(file: string, manifest: Manifest): DatabaseFacts {
  if (!existsSync(file)) throw new Error('it has no "control-plane.db"')
  const facts = factsIn(file)
  if (facts.schemaVersion > newestSchema)
    throw new Error(
      `its database has schema version ${facts.schemaVersion}, this program knows ${newestSchema}: use plexd-control-plane ${manifest.program_version} or newer`,
    )
  for (const [name, found, wanted] of [
    ['schema_version', facts.schemaVersion, manifest.schema_version],
    ['epoch', facts.epoch, manifest.epoch],
    ['sequence', facts.sequence, manifest.sequence],
    ['nodes', facts.nodes, manifest.nodes],
  ] as const)
    if (found !== wanted)
      throw new Error(`its manifest says ${name} "${wanted}", its database "${found}"`)
  return facts
}

function factsIn(file: string): DatabaseFacts {
  using database = new DatabaseSync(file)
  return readFacts(database)
}

async function checkKey(
  path: string,
  { sealed }: DatabaseFacts,
  manifest: Manifest,
): Promise<void> {
  const key = await loadMasterKey({ path, isNew: false })
  try {
    if (sealed) open(key, sealed.text, sealed.context)
  } catch (cause) {
    throw new Error(
      `master key "${path}" is ${key.id()}, and the database is sealed under ${manifest.master_key_id}`,
      { cause },
    )
  }
}
