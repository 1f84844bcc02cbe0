import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'

/**
 * The text of a file that holds a key or a token. Throws when others than its owner and its group may read it, or others
 * than its owner may write to it, as ssh does. A pipe has no such thing: who made it knows who reads it. `title` is what
 * is tried, for errors.
 */
export function readSecretFile(path: string, title: string): string {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (cause) {
    throw new Error(title, { cause })
  }
  try {
    const reason = tooOpen(fstatSync(descriptor))
    if (reason !== undefined) throw new Error(`${title}: ${reason}: chmod 600 ${path}`)
    return readText(descriptor, title)
  } finally {
    closeSync(descriptor)
  }
}

function readText(descriptor: number, title: string): string {
  try {
    return readFileSync(descriptor, 'utf8')
  } catch (cause) {
    throw new Error(title, { cause })
  }
}

function tooOpen(found: Stats): string | undefined {
  if (!found.isFile() || (found.mode & 0o027) === 0) return undefined
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0')
  const may = (found.mode & 0o004) !== 0 ? 'read it' : 'change it'
  return `users other than its owner may ${may} (mode ${mode})`
}
