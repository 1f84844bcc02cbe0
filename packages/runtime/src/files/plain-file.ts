import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'

/** A file that is there, and not of the kind or not kept as it has to be; `remedy` is also the end of the message. */
export class UnfitFile extends Error {
  readonly remedy: string

  constructor(title: string, reason: string, remedy: string) {
    super(`${title}: ${reason}: ${remedy}`)
    this.remedy = remedy
  }
}

/**
 * The text of a user-supplied file: settings, a certificate, a key, a token. It never blocks and has a size limit:
 * named pipes and devices are refused without opening them. A file that this process inherited open,
 * as `/dev/stdin` or through a shell's `<(command)`, is read to its end, whatever it is. `check` may reject
 * the opened file. `title` says what is being read, for errors.
 */
export function readPlainFile(
  path: string,
  title: string,
  check: (found: Stats) => void = () => {},
): string {
  const descriptor = openPlain(path, title)
  try {
    const found = fstatSync(descriptor)
    checkKind(path, title, found)
    check(found)
    return readText(descriptor, title)
  } finally {
    closeSync(descriptor)
  }
}

function openPlain(path: string, title: string): number {
  // Opening some devices has side effects.
  checkKind(
    path,
    title,
    titled(title, () => statSync(path)),
  )
  // The file may have been replaced since the check.
  const flags = isHanded(path) ? 'r' : constants.O_RDONLY | constants.O_NONBLOCK
  return titled(title, () => openSync(path, flags))
}

function titled<Result>(title: string, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    throw new Error(title, { cause })
  }
}

function checkKind(path: string, title: string, found: Stats): void {
  if (found.isFile() || isHanded(path) || isNull(found)) return
  if (found.isDirectory())
    throw new UnfitFile(title, 'it is a folder', 'move it away, or name a file')
  const kind = found.isFIFO() ? 'a named pipe' : found.isSocket() ? 'a socket' : 'a device'
  throw new UnfitFile(title, `it is ${kind}`, 'want a file')
}

function isHanded(path: string): boolean {
  return /^(\/dev\/(stdin|fd\/\d+)|\/proc\/self\/fd\/\d+)$/.test(path)
}

/** /dev/null, by which users say "nothing": device 1:3 (null(4)). */
function isNull(found: Stats): boolean {
  return found.isCharacterDevice() && found.rdev === 0x103
}

/** No real file of this kind is larger; a device could deliver more than there is memory. */
const maxBytes = 1024 * 1024

function readText(descriptor: number, title: string): string {
  const bytes = Buffer.alloc(maxBytes + 1)
  let length = 0
  for (let count = -1; count !== 0 && length <= maxBytes; length += count)
    count = titled(title, () => readSync(descriptor, bytes, length, bytes.length - length, null))
  if (length > maxBytes) throw new Error(`${title}: it is larger than ${maxBytes} bytes`)
  return bytes.toString('utf8', 0, length)
}
