import { type Stats, statSync } from 'node:fs'
import { readPlainFile, UnfitFile } from './plain-file.ts'

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
  return readPlainFile(path, title, (found) => {
    const fault = secretFault(path, found, owners)
    if (fault !== undefined) throw new UnfitFile(title, fault.reason, fault.remedy)
  })
}

/**
 * The rule for all files with secrets. The first of `owners` is who reads it: what mends the fault leaves it to him. A
 * pipe has no such thing: who made it knows who reads it.
 */
export function secretFault(
  path: string,
  found: Stats,
  owners?: readonly number[],
): SecretFault | undefined {
  if (!found.isFile()) return undefined
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0')
  const give = isFor(found.uid, owners) ? [] : [`chown ${owners?.[0]} ${path}`]
  if ((found.mode & 0o027) !== 0) {
    const may = (found.mode & 0o004) !== 0 ? 'read it' : 'change it'
    const reason = `users other than its owner may ${may} (mode ${mode})`
    return { reason, remedy: [...give, `chmod 600 ${path}`].join(' && ') }
  }
  if (owners === undefined || owners.includes(found.uid)) return undefined
  const reason = `it belongs to another user (uid ${found.uid}, mode ${mode})`
  return { reason, remedy: give.join() }
}

/** Whether a file of this user is for who reads it, also when nobody else may. */
function isFor(uid: number, owners: readonly number[] | undefined): boolean {
  if (owners === undefined) return true
  const [reader] = owners
  return uid === reader || (reader === 0 && owners.includes(uid))
}

/**
 * Whose secrets are believed: those of the user that this process is, and of root, who may read everything anyhow. For
 * root that works on the folder of a daemon which runs as another user, of that user first: he may put any file there.
 */
export function ownersHere(folder?: string): readonly number[] {
  const own = process.geteuid?.() ?? 0
  const keeper = own === 0 && folder !== undefined ? ownerOf(folder) : undefined
  return [...new Set([keeper ?? own, own, 0])]
}

function ownerOf(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.uid
}
