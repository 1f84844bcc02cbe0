import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder that is a file system of 256 KiB. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string
  /** Leaves no room. */
  fill(): Promise<void>
  clear(): Promise<void>
}

/** Undefined where mounting is not allowed. */
export async function aSmallDisk(): Promise<SmallDisk | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'plexd-full-'))
  const ballast = join(path, 'ballast')
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path], {
      stdio: 'ignore',
    })
  } catch {
    await rm(path, { recursive: true })
    return undefined
  }
  return {
    path,
    fill: () => writeFile(ballast, Buffer.alloc(256 * 1024)).catch(() => {}), // until it is full
    clear: () => rm(ballast),
    async [Symbol.asyncDispose]() {
      execFileSync('/bin/umount', ['-l', path])
      await rm(path, { recursive: true })
    },
  }
}
