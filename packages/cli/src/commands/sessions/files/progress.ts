import { basename } from 'node:path'
import type { Io } from '../../../terminal/io.ts'
import { startProgress } from '../../../terminal/output.ts'

const pauseMs = 100

/** A line on a terminal about the file that is being copied. */
export function showProgress({ stderr, clock }: Pick<Io, 'stderr' | 'clock'>) {
  const line = startProgress(stderr)
  let shownMs = Number.NEGATIVE_INFINITY
  let file = ''
  let sinceMs = 0
  return {
    update(path: string, bytes: number, ofBytes: number): void {
      const nowMs = clock.monotonic()
      if (path !== file) {
        file = path
        sinceMs = nowMs
      }
      if (nowMs - shownMs < pauseMs) return
      shownMs = nowMs
      line.update(describe(path, { bytes, ofBytes, elapsedMs: nowMs - sinceMs }))
    },
    [Symbol.dispose]: () => line[Symbol.dispose](),
  }
}

function describe(
  path: string,
  { bytes, ofBytes, elapsedMs }: { bytes: number; ofBytes: number; elapsedMs: number },
): string {
  const percent = Math.floor((bytes / Math.max(ofBytes, 1)) * 100)
  const perSecond = elapsedMs > 0 ? `, ${mebibytes((bytes / elapsedMs) * 1_000)}/s` : ''
  return `${basename(path)}: ${percent}% of ${mebibytes(ofBytes)}${perSecond}`
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
