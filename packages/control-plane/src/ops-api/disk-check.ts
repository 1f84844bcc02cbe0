import { ApiError } from '@plexd/protocol'
import { diskFault, errorCodeOf, probeDisk } from '@plexd/runtime'
import type { Environment } from '../app.ts'

/** At most one write per this time, however many ask. */
const freshMs = 2_000

/** Rejects with an ApiError while the data dir is not writable; the reason is public, the path is not. */
export function createDiskCheck({ config, clock }: Environment): () => Promise<void> {
  let last: { atMs: number; probe: Promise<void> } | undefined

  return async () => {
    const nowMs = clock.monotonic()
    if (!last || nowMs - last.atMs >= freshMs)
      last = { atMs: nowMs, probe: probeDisk(config.dataDir) }
    await last.probe.catch((error: unknown) => {
      const why = errorCodeOf(error) ?? 'unknown reason'
      const words = diskFault(error) === undefined ? '' : ': make room in the data dir'
      throw new ApiError('unavailable', `nothing can be written to the disk (${why})${words}`)
    })
  }
}
