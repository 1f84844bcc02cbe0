import { readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Metadata, SecretRef, validatorOf } from '@plexd/protocol'
import { isMissing, type Log, makeFolder, syncFolder, writeFileAtomic } from '@plexd/runtime'
import { Type } from 'typebox'
import { type DataEntry, dataEntryJson, readDataEntry } from './data-entry.ts'
import type { DesiredState } from './desired-state.ts'
import { keyFileName } from './key-file.ts'
import { createMeshJournal } from './mesh-journal.ts'
import { prepareFolder } from './prepare-folder.ts'

/**
 * The desired state as files: `metadata.json`, `secrets.json`, `data/<key>.json` for each entry, and `mesh.journal`
 * with all that stays inside the daemon. They hold pre-shared keys: folders are 0700, files 0600.
 */
export interface DesiredFiles extends AsyncDisposable {
  /** An unreadable file loses its contents, logs a warning, and clears the revision. Never rejects. */
  load(): Promise<{ state: DesiredState; meshLost: boolean }>
  /**
   * Writes what differs from the files; unchanged parts must be the same objects. The revision is written last: after
   * a crash before it, the older revision makes the state be pulled again. While the mesh state is damaged its file stays as it is,
   * so that the next start knows. Must not be called concurrently.
   */
  save(state: DesiredState, options: { meshLost: boolean }): Promise<void>
}

const metadataFile = validatorOf(Metadata)
const secretsFile = validatorOf(Type.Array(SecretRef))

export function createDesiredFiles(folder: string, log: Log): DesiredFiles {
  const dataFolder = join(folder, 'data')
  const journal = createMeshJournal(join(folder, 'mesh.journal'), log)
  /** Path -> the value that is certainly on disk; undefined if unknown. */
  const onDisk = new Map<string, unknown>()

  async function load(): Promise<{ state: DesiredState; meshLost: boolean }> {
    // Opening a journal prepares its folder.
    const mesh = await journal.load()
    await prepareFolder(dataFolder).catch((error: unknown) =>
      log.warn('state folder cannot be prepared', { folder: dataFolder, error }),
    )
    const metadata = await read(join(folder, 'metadata.json'), readAs(metadataFile))
    const secrets = await read(join(folder, 'secrets.json'), readAs(secretsFile))
    const entries = await loadData()
    const intact = [...entries, metadata, secrets].every((part) => part !== 'broken')
    const state = {
      ...mesh.state,
      metadata: contentOf(metadata) ?? {},
      secret_refs: contentOf(secrets) ?? [],
      data: entries.flatMap((entry) => contentOf(entry) ?? []),
      revision: intact && !mesh.broken ? mesh.state.revision : '',
    }
    return { state, meshLost: mesh.broken }
  }

  async function loadData(): Promise<Part<DataEntry>[]> {
    const names = await listJson(dataFolder)
    return inGroups(names, async (name) => {
      const path = join(dataFolder, name)
      const entry = await read(path, (text) => readDataEntry(text))
      if (typeof entry !== 'object' || keyFileName(entry.value.key) === name) return entry
      log.warn('state file belongs to another key, ignored', { file: path })
      onDisk.set(path, undefined)
      return 'broken'
    })
  }

  async function read<T>(path: string, parse: (text: string) => T): Promise<Part<T>> {
    try {
      const value = parse(await readFile(path, 'utf8'))
      onDisk.set(path, value)
      return { value }
    } catch (error) {
      if (isMissing(error)) return 'missing'
      log.warn('state file cannot be read, its content is pulled again', { file: path, error })
      onDisk.set(path, undefined)
      return 'broken'
    }
  }

  async function save(state: DesiredState, { meshLost }: { meshLost: boolean }): Promise<void> {
    const { metadata, data, secret_refs, ...mesh } = state
    await saveData(data)
    await write(join(folder, 'metadata.json'), metadata, JSON.stringify)
    await write(join(folder, 'secrets.json'), secret_refs, JSON.stringify)
    if (!meshLost) await journal.save(mesh)
  }

  async function saveData(data: readonly DataEntry[]): Promise<void> {
    makeFolder(dataFolder)
    const wanted = new Map(data.map((entry) => [join(dataFolder, keyFileName(entry.key)), entry]))
    await inGroups([...wanted], ([path, entry]) => write(path, entry, dataEntryJson))
    const stale = [...onDisk.keys()].filter(
      (path) => dirname(path) === dataFolder && !wanted.has(path),
    )
    await inGroups(stale, async (path) => {
      await rm(path, { force: true })
      onDisk.delete(path)
    })
    if (stale.length > 0) await syncFolder(dataFolder)
  }

  async function write<T>(path: string, value: T, toJson: (value: T) => string): Promise<void> {
    const saved = onDisk.get(path)
    if (saved !== undefined && isDeepStrictEqual(saved, value)) return
    // Unknown until the write has succeeded: after a failure either content may be there.
    onDisk.set(path, undefined)
    await writeFileAtomic(path, `${toJson(value)}\n`)
    onDisk.set(path, value)
  }

  return { load, save, [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose]() }
}

function readAs<T>(validator: () => { Check(value: unknown): value is T }): (text: string) => T {
  return (text) => {
    const value: unknown = JSON.parse(text)
    if (!validator().Check(value)) throw new TypeError('the content is not of the expected shape')
    return value
  }
}

/** The result of reading a file: its value, missing, or unreadable. */
type Part<T> = { value: T } | 'missing' | 'broken'

function contentOf<T>(part: Part<T>): T | undefined {
  return typeof part === 'object' ? part.value : undefined
}

async function listJson(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()
  } catch {
    return [] // `load` has warned
  }
}

/** At most 16 at a time: each needs a descriptor, and one disk is not faster with more. */
async function inGroups<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += 16)
    results.push(...(await Promise.all(items.slice(at, at + 16).map(run))))
  return results
}
