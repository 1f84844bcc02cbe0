import type { Stats } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Fault, modeOf } from '@plexd/runtime'

export interface ResolvedPath {
  /** Without symbolic links. */
  real: string
  stats: Stats
  /** Why users other than the owners could make the path lead to another file; undefined if they cannot. */
  fault: Fault | undefined
}

/** As many as the kernel follows (path_resolution(7)). */
const maxLinks = 40

/**
 * Resolves a path step by step, and checks that every folder and link on the way, and what is at its end, belongs to one of the owners
 * and can be changed by nobody else. `closed`: a folder, without symbolic links, in which others may not put files either.
 * Rejects like lstat(2).
 */
export async function resolveTrusted(
  path: string,
  owners: readonly number[],
  closed?: string,
): Promise<ResolvedPath> {
  let at = '/'
  let stats = await lstat(at)
  const isClosed = (place: string): boolean =>
    closed !== undefined && (place === closed || place.startsWith(`${closed}/`))
  const faultAt = (place: string): Fault | undefined =>
    isClosed(place) ? closedFault(place, stats, owners) : placeFault(place, stats, owners)
  let fault = faultAt(at)
  let links = 0
  for (const rest = stepsOf(path); rest.length > 0; ) {
    const step = rest.shift() ?? ''
    const next = step === '..' ? dirname(at) : join(at, step)
    stats = await lstat(next)
    fault ??= faultAt(next)
    if (!stats.isSymbolicLink()) at = next
    else {
      if (++links > maxLinks) throw loopError(path)
      const target = await readlink(next)
      if (target.startsWith('/')) at = '/'
      rest.unshift(...stepsOf(target))
    }
  }
  return { real: at, stats, fault }
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((step) => step !== '' && step !== '.')
}

/**
 * Why a file or folder is not safe from other users. A sticky folder such as /tmp is: nobody can rename or remove
 * in it what belongs to others (inode(7)).
 */
export function placeFault(
  path: string,
  stats: Stats,
  owners: readonly number[],
): Fault | undefined {
  const isSticky = stats.isDirectory() && (stats.mode & 0o1000) !== 0
  return isSticky ? ownerFault(path, stats, owners) : closedFault(path, stats, owners)
}

/** The same for what is in a folder whose files count: into a sticky one, others may move or link programs that they do not own. */
function closedFault(path: string, stats: Stats, owners: readonly number[]): Fault | undefined {
  const belongs = ownerFault(path, stats, owners)
  // The mode of a symbolic link means nothing.
  if (belongs || stats.isSymbolicLink() || (stats.mode & 0o022) === 0) return belongs
  return {
    reason: `${nameOf(path, stats)} can be changed by others than its owner (mode ${modeOf(stats)})`,
    remedy: `chmod go-w ${path}`,
  }
}

function ownerFault(path: string, stats: Stats, owners: readonly number[]): Fault | undefined {
  if (owners.includes(stats.uid)) return undefined
  return {
    reason: `${nameOf(path, stats)} belongs to another user (uid ${stats.uid})`,
    remedy: `chown ${owners[0]} ${path}`,
  }
}

function nameOf(path: string, stats: Stats): string {
  return stats.isDirectory() ? `folder "${path}"` : `"${path}"`
}

function loopError(path: string): Error {
  return Object.assign(new Error(`ELOOP: too many symbolic links, resolve "${path}"`), {
    code: 'ELOOP',
  })
}
