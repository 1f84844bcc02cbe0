import { createHash } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { placeFault, resolveTrusted } from './trusted-path.ts'

export interface TrustedFile {
  /** The content as it was read once; what is on the disk may be another one by now. */
  bytes: Buffer
  /** Of these bytes: `sha256:` and hex. */
  checksum: string
  stats: Stats
}

export interface FileRules {
  /** The folder, without symbolic links, that the file has to be in; others may put nothing there. */
  inside: string
  /** The users whose files are trusted; the first is told to be given the file. */
  owners: readonly number[]
  maxBytes: number
  isExecutable: boolean
}

/** A file that exists, and must not be used. The message tells why and, after a colon, what to type. */
class UntrustedFile extends Error {
  override name = 'UntrustedFile'
}

/**
 * Reads a file that nobody but its owners can have written. It is opened once: all that is checked, hashed and returned is
 * of that one open file. Rejects with an UntrustedFile, or with the error of the system.
 */
export async function readTrusted(path: string, rules: FileRules): Promise<TrustedFile> {
  const { real, stats, fault } = await resolveTrusted(path, rules.owners, rules.inside)
  if (!real.startsWith(`${rules.inside}/`))
    throw new UntrustedFile(`it leads out of "${rules.inside}", to "${real}": move the file there`)
  if (fault) throw new UntrustedFile(`${fault.reason}: ${fault.remedy}`)
  checkKind(stats)
  // Opening a pipe would block, and the file may have been replaced since.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  await using file = await open(real, flags)
  const opened = await file.stat()
  checkOpened(real, opened, rules)
  const bytes = await readAtMost(file, rules.maxBytes)
  return { bytes, checksum: checksumOf(bytes), stats: opened }
}

function checkOpened(path: string, opened: Stats, rules: FileRules): void {
  const fault = placeFault(path, opened, rules.owners)
  if (fault) throw new UntrustedFile(`${fault.reason}: ${fault.remedy}`)
  checkKind(opened)
  if (rules.isExecutable && (opened.mode & 0o100) === 0)
    throw new UntrustedFile(`"${path}" is not executable: chmod +x ${path}`)
}

function checkKind(stats: Stats): void {
  if (stats.isFile()) return
  const kind = stats.isDirectory()
    ? 'a folder'
    : stats.isFIFO()
      ? 'a named pipe'
      : stats.isSocket()
        ? 'a socket'
        : 'a device'
  throw new UntrustedFile(`it is ${kind}: want a file`)
}

async function readAtMost(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of file.createReadStream({ autoClose: false })) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBytes)
      throw new UntrustedFile(`it is larger than ${maxBytes} bytes: make it smaller`)
  }
  return Buffer.concat(chunks)
}

function checksumOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
