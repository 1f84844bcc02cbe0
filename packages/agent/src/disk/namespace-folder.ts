import { existsSync, lstatSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makeOpenFolder } from './open-folder.ts'

/** For files that need not outlive the interface. */
export const standardRunDir = '/run/plexd'

/**
 * For the files of this network namespace, by its inode number: another one may have an interface of the same name. It is
 * gone after a reboot, like the namespace.
 */
export function namespaceFolder(runDir = standardRunDir): string {
  return join(runDir, `net-${statSync('/proc/self/ns/net').ino}`)
}

/** Creates it. Rejects if anybody but root and this user could write to it. */
export async function openNamespaceFolder(runDir = standardRunDir): Promise<string> {
  const folder = namespaceFolder(runDir)
  await makeOpenFolder(runDir)
  // Not its parents, which would get the same mode: the socket of the Local Node API is in one of them.
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
  const { uid, mode } = lstatSync(folder)
  if (![0, process.geteuid?.()].includes(uid) || (mode & 0o022) !== 0)
    throw new Error(
      `use "${folder}": others may write to it (uid ${uid}, mode ${(mode & 0o777).toString(8)}): remove it`,
    )
  return folder
}
