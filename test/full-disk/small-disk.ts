import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runToEnd } from '../../scripts/programs/program.ts'

/** A folder that is a disk of its own, with little room. Disposing takes it away. */
export interface SmallDisk extends AsyncDisposable {
  /** Leaves room for this many bytes at most. */
  fill(roomBytes?: number): Promise<void>
  clear(): Promise<void>
}

/** Needs root, in a mount namespace that is not the machine's. */
export async function mountSmallDisk(folder: string, megabytes: number): Promise<SmallDisk> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await mustRun('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder)
  const filler = join(folder, 'filler')
  return {
    async fill(roomBytes = 0) {
      const file = await open(filler, 'a')
      const block = Buffer.alloc(4_096)
      try {
        for (;;) await file.write(block)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
      const { size } = await file.stat()
      await file.truncate(Math.max(0, size - roomBytes))
      await file.close()
    },
    clear: () => rm(filler),
    async [Symbol.asyncDispose]() {
      await mustRun('umount', '--lazy', folder)
    },
  }
}

async function mustRun(command: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runToEnd(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`)
}
