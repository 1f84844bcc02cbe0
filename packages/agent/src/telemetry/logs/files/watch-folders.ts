import { type FSWatcher, watch } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface FolderWatch extends Disposable {
  /** Watches the folders of these files, and no others. Resolves to the number of folders that are not watched. */
  set(paths: readonly string[]): Promise<number>
}

export interface FolderEvents {
  /** Something was written to that file, by the name that was given; undefined for another file. */
  onWrite(path: string | undefined): void
  /** A name came, went or changed. */
  onNames(): void
}

/** The kernel has a limit for all programs of a user together. */
const maxFolders = 256

/** One watch for each folder, whatever number of files is in it. Of a symbolic link, the folder that it leads to is watched too. */
export function watchFolders({ onWrite, onNames }: FolderEvents): FolderWatch {
  const watches = new Map<string, FSWatcher>()
  /** By where a file really is. */
  let given = new Map<string, string>()

  function add(folder: string): boolean {
    if (watches.has(folder)) return true
    if (watches.size >= maxFolders) return false
    try {
      const watching = watch(folder, (event, name) => {
        onWrite(name === null ? undefined : given.get(join(folder, name)))
        if (event === 'rename') onNames()
      })
      // As when the folder is removed: the next look finds what there is.
      watching.on('error', () => remove(folder))
      watches.set(folder, watching)
      return true
    } catch {
      return false
    }
  }

  function remove(folder: string): void {
    watches.get(folder)?.close()
    watches.delete(folder)
  }

  return {
    async set(paths) {
      const real = await Promise.all(paths.map((path) => realpath(path).catch(() => path)))
      given = new Map(paths.map((path, index) => [real[index] ?? path, path]))
      const wanted = new Set([...paths, ...real].map((path) => dirname(path)))
      for (const folder of watches.keys()) if (!wanted.has(folder)) remove(folder)
      return [...wanted].filter((folder) => !add(folder)).length
    },
    [Symbol.dispose]() {
      for (const folder of watches.keys()) remove(folder)
    },
  }
}
