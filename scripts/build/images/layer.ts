import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { type Pack, pack } from 'tar-stream'

/** What is in an image, by its path without a slash in front. */
export interface LayerEntry {
  path: string
  kind: 'file' | 'folder' | 'link'
  mode: number
  /** User and group; root where left out. */
  owner?: number
  /** Of a file: what is in it, or the path of the file that is copied. */
  body?: Buffer | string
  /** Of a symbolic link. */
  target?: string
}

/** Writes them as a tar in one order, all with that time: the same bytes for the same entries. */
export async function writeLayer(
  file: string,
  entries: readonly LayerEntry[],
  epochSeconds: number,
): Promise<void> {
  const tar = pack()
  const mtime = new Date(epochSeconds * 1_000)
  const fill = async (): Promise<void> => {
    for (const entry of withFolders(entries)) await writeEntry(tar, entry, mtime)
    tar.finalize()
  }
  const written = pipeline(Readable.from(tar, { objectMode: false }), createWriteStream(file))
  await Promise.all([written, fill().catch((error: Error) => tar.destroy(error))])
}

/** In the order of their paths, each path once, with the folders that they are in. Throws for two that differ. Pure. */
export function withFolders(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map<string, LayerEntry>()
  for (const entry of entries) {
    const other = byPath.get(entry.path)
    if (other !== undefined && !(other.kind === 'folder' && entry.kind === 'folder'))
      throw new Error(`put "${entry.path}" into an image: it is there twice`)
    byPath.set(entry.path, entry)
  }
  for (const { path } of entries)
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder))
      if (!byPath.has(folder)) byPath.set(folder, { path: folder, kind: 'folder', mode: 0o755 })
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

const types = { file: 'file', folder: 'directory', link: 'symlink' } as const

async function writeEntry(
  tar: Pack,
  { path, kind, mode, owner = 0, body = Buffer.alloc(0), target }: LayerEntry,
  mtime: Date,
): Promise<void> {
  const bytes = typeof body === 'string' ? await readFile(body) : body
  const head = { name: path, type: types[kind], mode, uid: owner, gid: owner, mtime }
  const write = promisify((done: (error?: Error | null) => void) => {
    if (kind !== 'file') tar.entry({ ...head, ...(target && { linkname: target }) }, done)
    else tar.entry({ ...head, size: bytes.length }, bytes, done)
  })
  await write()
}
