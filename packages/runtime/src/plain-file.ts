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
 * The text of a file that somebody has named: settings, a certificate, a key, a token. It waits for nobody, and takes up
 * no more than a file of that kind may have: a named pipe or a device is refused, unopened. What this process was handed
 * as an open file, as `/dev/stdin` or by `<(command)` of a shell, is read to its end, whatever it is. `check` may refuse
 * what was opened. `title` is what is tried, for errors.
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
  let found: Stats
  try {
    found = statSync(path)
  } catch (cause) {
    throw new Error(title, { cause })
  }
  // Some devices do something when they are opened.
  checkKind(path, title, found)
  try {
    // For what another has put in its place since.
    return openSync(path, isHanded(path) ? 'r' : constants.O_RDONLY | constants.O_NONBLOCK)
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

/** /dev/null, by which people say that there is nothing: device 1:3 (null(4)). */
function isNull(found: Stats): boolean {
  return found.isCharacterDevice() && found.rdev === 0x103
}

/** No such file is as large; a device gives more than there is memory. */
const maxBytes = 1024 * 1024

function readText(descriptor: number, title: string): string {
  const bytes = Buffer.alloc(maxBytes + 1)
  let length = 0
  try {
    for (let count = -1; count !== 0 && length <= maxBytes; length += count)
      count = readSync(descriptor, bytes, length, bytes.length - length, null)
  } catch (cause) {
    throw new Error(title, { cause })
  }
  if (length > maxBytes) throw new Error(`${title}: it is larger than ${maxBytes} bytes`)
  return bytes.toString('utf8', 0, length)
}
