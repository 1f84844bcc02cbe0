import { stat, statfs } from 'node:fs/promises'
import { CliError } from '@plexd/runtime'

const mebibyte = 1024 ** 2
/** Left free on every disk: the control plane needs it to go on. */
const reserveBytes = 64 * mebibyte

/** Bytes that are about to be written to a folder. */
export interface Need {
  folder: string
  bytes: number
}

/** Throws a CliError if a disk would be full afterwards; needs on the same disk add up. */
export async function demandRoom(needs: readonly Need[], work: string): Promise<void> {
  const disks = await Promise.all(
    needs.map(async (need) => {
      const [{ bavail, bsize }, { dev }] = await Promise.all([
        statfs(need.folder),
        stat(need.folder),
      ])
      return { ...need, free: bavail * bsize, dev }
    }),
  )
  for (const [, all] of Map.groupBy(disks, ({ dev }) => dev)) {
    const [{ folder, free } = { folder: '', free: 0 }] = all
    const wanted = all.reduce((sum, { bytes }) => sum + bytes, 0) + reserveBytes
    if (free < wanted)
      throw new CliError(
        `${work}: ${mib(free)} MiB are free for "${folder}", and it may take ${mib(wanted)} MiB, ${mib(reserveBytes)} of which stay free: make room`,
      )
  }
}

function mib(bytes: number): number {
  return Math.ceil(bytes / mebibyte)
}
