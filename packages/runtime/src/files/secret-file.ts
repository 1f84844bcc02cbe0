import { type Stats, statSync } from 'node:fs'
import type { Fault } from './fault.ts'
import { readPlainFile, UnfitFile } from './plain-file.ts'

/**
 * The text of a file with a key or a token. Like ssh, throws if others than its owner and group may read it, or others
 * than its owner may write it; also if it belongs to none of `owners`, if given. `title` says
 * what is being read, for errors.
 */
export function readSecretFile(path: string, title: string, owners?: readonly number[]): string {
  return readPlainFile(path, title, (found) => {
    const fault = secretFault(path, found, owners)
    if (fault !== undefined) throw new UnfitFile(title, fault.reason, fault.remedy)
  })
}

/**
 * The rule for all files with secrets. The first of `owners` is the reader; the suggested fix makes the file his. Pipes
 * are exempt: whoever created one controls who reads it.
 */
export function secretFault(
  path: string,
  found: Stats,
  owners?: readonly number[],
): Fault | undefined {
  if (!found.isFile()) return undefined
  const mode = modeOf(found)
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

/**
 * The rule as doctor applies it, which may run as root: also a fault if the reader, who owns the data dir, cannot read
 * the file.
 */
export function keptFault(
  path: string,
  found: Stats,
  owners: readonly number[],
): Fault | undefined {
  const fault = secretFault(path, found, owners)
  const [reader = 0] = owners
  if (fault || reader === 0 || found.uid === reader || (found.mode & 0o040) !== 0) return fault
  const reason = `user ${reader}, who the data dir belongs to, cannot read it`
  return { reason, remedy: `chown ${reader} ${path}` }
}

/** Whether the reader can read a file of this user even with mode 0600. */
function isFor(uid: number, owners: readonly number[] | undefined): boolean {
  if (owners === undefined) return true
  const [reader] = owners
  return uid === reader || (reader === 0 && owners.includes(uid))
}

/**
 * The users whose secret files are trusted: the user of this process, and root, who can read everything anyway. When
 * root works on the folder of a daemon that runs as another user, that user first: he can put any file there.
 */
export function ownersHere(folder?: string): readonly number[] {
  const own = process.geteuid?.() ?? 0
  const keeper = own === 0 && folder !== undefined ? ownerOf(folder) : undefined
  return [...new Set([keeper ?? own, own, 0])]
}

/** The permissions as chmod takes them: `0640`. */
export function modeOf({ mode }: Stats): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

function ownerOf(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.uid
}
