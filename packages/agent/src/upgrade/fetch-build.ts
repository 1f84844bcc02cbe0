import { createHash } from 'node:crypto'
import { createReadStream, statfsSync, statSync } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ApiError } from '@plexd/protocol'
import { type Clock, createBackoff, describeError, diskFault, type Log } from '@plexd/runtime'
import { isFinal, isRefusal } from '../control/client/failure.ts'
import type { ArtifactDownload, OpenArtifact } from '../control/stream/download.ts'

/** A build must not be taken; trying again does not help. */
class UnfitBuild extends Error {}

export interface FetchOptions {
  /** Gets the bytes; kept when interrupted, so that the next attempt goes on from there. */
  part: string
  /** `sha256:` and hex. */
  checksum: string
  maxBytes: number
  open(from: number, signal: AbortSignal): ReturnType<OpenArtifact>
  /** Throws if its signature is not to be trusted. */
  check(download: Pick<ArtifactDownload, 'signature'>): void
  signal: AbortSignal
  clock: Clock
  log: Log
}

/** What the disk must have left when the build is on it. */
const roomBytes = 16 * 1024 * 1024

/**
 * Downloads a build until it is complete, on the disk, and has the checksum; an outage is waited for. Rejects for a build
 * that must not be taken, on a full disk, and with the reason of the signal.
 */
export async function fetchBuild(options: FetchOptions): Promise<void> {
  const { part, checksum } = options
  const wasThere = sizeOf(part) > 0
  await download(options)
  if ((await checksumOf(part)) === checksum) return
  await rm(part, { force: true })
  // What was there may have been torn by a crash: that says nothing about what the control plane has.
  if (wasThere) return fetchBuild(options)
  throw new UnfitBuild(`what was downloaded is not the build with ${checksum}`)
}

async function download(options: FetchOptions): Promise<void> {
  const { signal, clock, log } = options
  const backoff = createBackoff({ minMs: 1_000, maxMs: 15_000 })
  for (;;) {
    try {
      return await attempt(options)
    } catch (error) {
      signal.throwIfAborted()
      if (isLasting(error)) throw error
      log.warn('download of a build was interrupted', { error: describeError(error) })
    }
    await clock.sleep(backoff.nextMs(), signal)
  }
}

function isLasting(error: unknown): boolean {
  return (
    error instanceof UnfitBuild ||
    diskFault(error) !== undefined ||
    isFinal(error) ||
    (error instanceof ApiError && isRefusal(error))
  )
}

async function attempt(options: FetchOptions): Promise<void> {
  const { part, signal } = options
  // One byte again, because there is no answer to a range behind the end.
  const from = Math.max(0, sizeOf(part) - 1)
  const answer = await options.open(from, signal)
  judge(answer, options)
  await using file = await open(part, answer.from === 0 ? 'w' : 'r+', 0o600)
  let at = answer.from
  for await (const chunk of answer.chunks) {
    if (at + chunk.length > answer.size)
      throw new UnfitBuild(`it has more than the ${answer.size} bytes that were announced`)
    await writeAll(file, chunk, at)
    at += chunk.length
  }
  if (at < answer.size) throw new Error(`the answer ended after ${at} of ${answer.size} bytes`)
  await file.truncate(at)
  await file.sync()
}

/** A disk that is nearly full takes a part of a write, and refuses the next one only. */
async function writeAll(file: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, at + done)
    done += bytesWritten
  }
}

/** Before a byte of it is read. */
function judge(answer: ArtifactDownload, options: FetchOptions): void {
  const { size, from, checksum } = answer
  const { part, maxBytes } = options
  if (checksum !== '' && checksum !== options.checksum)
    throw new UnfitBuild(`the control plane has another build there, with ${checksum}`)
  if (!(size <= maxBytes))
    throw new UnfitBuild(`it has ${size} bytes, ${maxBytes} are allowed (limit upgrade_bytes)`)
  try {
    options.check(answer)
  } catch (error) {
    throw new UnfitBuild(describeError(error))
  }
  const { bfree, bsize } = statfsSync(dirname(part))
  const needed = size - from + roomBytes
  if (bfree * bsize < needed)
    throw new UnfitBuild(
      `there is no room for it: ${needed} bytes are needed in "${dirname(part)}", ${bfree * bsize} are left`,
    )
}

/** `sha256:` and hex. */
async function checksumOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer) // no encoding is set
  return `sha256:${hash.digest('hex')}`
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
