import { existsSync, lstatSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makeOpenFolder } from './open-folder.ts'

/** For files that need not outlive the interface. */
export const standardRunDir = '/run/plexd'

/**
 * Where plexd keeps what belongs to this network namespace, by the number that the kernel has for that: another one has an
 * interface of the same name, and settings of its own. It goes when the machine starts anew, as the namespace does.
 */
export function namespaceFolder(runDir = standardRunDir): string {
  return join(runDir, `net-${statSync('/proc/self/ns/net').ino}`)
}

/** Makes it. Rejects where others than root and this user could put something into it. */
export async function openNamespaceFolder(runDir = standardRunDir): Promise<string> {
  const folder = namespaceFolder(runDir)
  await makeOpenFolder(runDir)
  // Without those above it, which would be for root alone: the socket of the Local Node API is there too.
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
  const { uid, mode } = lstatSync(folder)
  if (![0, process.geteuid?.()].includes(uid) || (mode & 0o022) !== 0)
    throw new Error(
      `use "${folder}": others may write to it (uid ${uid}, mode ${(mode & 0o777).toString(8)}): remove it`,
    )
  return folder
}
