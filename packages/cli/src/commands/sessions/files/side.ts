import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { isMissing } from '@plexd/runtime'
import type { Stats } from 'ssh2'
import type { Remote } from './call.ts'
import { listFolder } from './list-folder.ts'

/** What is known of a path, links followed. */
export interface Found {
  kind: 'file' | 'folder' | 'other'
  /** Permission bits alone: no set-user-ID, which another machine should not give away. */
  mode: number
  bytes: number
}

/** The file system at one end of a copy. */
export interface Side {
  /** The path as an operator would type it. */
  show(path: string): string
  /** Undefined if there is nothing. */
  find(path: string): Promise<Found | undefined>
  list(folder: string): Promise<string[]>
  makeFolder(path: string): Promise<void>
  setMode(path: string, mode: number): Promise<void>
  /** In place of what is there. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
}

export const here: Side = {
  show: (path) => path,
  async find(path) {
    try {
      return foundOf(await stat(path))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  list: (folder) => readdir(folder),
  makeFolder: async (path) => void (await mkdir(path, { mode: 0o700 })),
  setMode: chmod,
  rename,
  remove: (path) => rm(path, { force: true }),
}

const noSuchFile = 2 // SSH_FX_NO_SUCH_FILE, draft-ietf-secsh-filexfer-02 section 7

export function sideOf({ sftp, call }: Remote, place: string): Side {
  return {
    show: (path) => `${place}:${path}`,
    async find(path) {
      try {
        return foundOf(await call<Stats>((done) => sftp.stat(path, done)))
      } catch (error) {
        if ((error as { code?: unknown }).code === noSuchFile) return undefined // of ssh2's errors
        throw error
      }
    },
    list: (folder) => listFolder({ sftp, call }, folder),
    makeFolder: (path) => call<void>((done) => sftp.mkdir(path, { mode: 0o700 }, done)),
    setMode: (path, mode) => call<void>((done) => sftp.chmod(path, mode, done)),
    rename: (from, to) => call<void>((done) => sftp.ext_openssh_rename(from, to, done)),
    remove: (path) => call<void>((done) => sftp.unlink(path, done)),
  }
}

function foundOf(stats: {
  mode: number
  size: number
  isFile(): boolean
  isDirectory(): boolean
}): Found {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
  return { kind, mode: stats.mode & 0o777, bytes: stats.size }
}
