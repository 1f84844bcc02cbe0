import { readdir, readFile, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fromOctal, undefinedIfMissing } from '@plexd/runtime'

/**
 * Deletes what is in a folder, but nothing that is mounted in it, which belongs to others; links are deleted and not
 * followed, but for the folder itself. Resolves to the mount points that stay; a folder that is missing is an empty one.
 */
export async function removeContents(folder: string): Promise<string[]> {
  const path = await realpath(folder).catch(undefinedIfMissing)
  if (path === undefined) return []
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(undefinedIfMissing)
  const mounts = mountsIn(path, text ?? '')
  await removeBeside(mounts, path)
  return mounts
}

/** From the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). Pure. */
export function mountsIn(folder: string, mountinfo: string): string[] {
  const places = mountinfo.split('\n').map((line) => fromOctal(line.split(' ')[4] ?? ''))
  return [...new Set(places)].filter((place) => place.startsWith(`${folder}/`))
}

async function removeBeside(mounts: readonly string[], folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (mounts.includes(path)) continue
    if (mounts.some((place) => place.startsWith(`${path}/`))) await removeBeside(mounts, path)
    else await rm(path, { recursive: true, force: true })
  }
}
