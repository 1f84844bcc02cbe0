import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs'

/** What is wrong with how a file is kept, and the command that mends it. */
export interface SecretFault {
  reason: string
  remedy: string
}

/**
 * The text of a file that holds a key or a token. Throws when others than its owner and its group may read it, or others
 * than its owner may write to it, as ssh does; or when it belongs to none of `owners`, where those are given. `title` is
 * what is tried, for errors.
 */
export function readSecretFile(path: string, title: string, owners?: readonly number[]): string {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (cause) {
    throw new Error(title, { cause })
  }
  try {
    const fault = secretFault(path, fstatSync(descriptor), owners)
    if (fault !== undefined) throw new Error(`${title}: ${fault.reason}: ${fault.remedy}`)
    return readText(descriptor, title)
  } finally {
    closeSync(descriptor)
  }
}

/** A pipe has no such thing: who made it knows who reads it. */
export function secretFault(
  path: string,
  found: Stats,
  owners?: readonly number[],
): SecretFault | undefined {
  if (!found.isFile()) return undefined
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0')
  if ((found.mode & 0o027) !== 0) {
    const may = (found.mode & 0o004) !== 0 ? 'read it' : 'change it'
    const reason = `users other than its owner may ${may} (mode ${mode})`
    return { reason, remedy: `chmod 600 ${path}` }
  }
  if (owners === undefined || owners.includes(found.uid)) return undefined
  const reason = `it belongs to another user (uid ${found.uid}, mode ${mode})`
  return { reason, remedy: `chown ${owners[0]} ${path}` }
}

/** The user that this process is, and root, who may read everything anyhow. */
export function ownersHere(): readonly number[] {
  return [process.geteuid?.() ?? 0, 0]
}

/** No key and no token is as large; a device gives more than there is memory. */
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
