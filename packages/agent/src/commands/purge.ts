import { existsSync, lstatSync, readdirSync, realpathSync } from 'node:fs'
import { rm, rmdir, unlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  CliError,
  createLog,
  describeError,
  exitCodes,
  isCredential,
  isMissing,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { openDatabase } from '../disk/database.ts'
import { removeContents } from '../disk/remove-contents.ts'
import { identityFiles } from '../identity/identity.ts'

/** Refuses if a daemon is running on the data dir, or the folder is none. */
export function checkPurge(dataDir: string): void {
  const path = existsSync(dataDir) ? realpathSync(dataDir) : resolve(dataDir)
  const fault = whyNot(path)
  if (fault) throw new CliError(`purge "${path}": nothing was removed: ${fault}`, exitCodes.usage)
  openDatabase(dataDir, createLog('plexd', 'error')).close()
}

function whyNot(path: string): string | undefined {
  if ([resolve('/'), homedir()].includes(path))
    return 'that folder is for more than plexd: name its data dir by --data-dir'
  if (path === process.cwd()) return 'this command runs in that folder: run it from another one'
  const isOurs = [join(path, 'agent.db'), ...identityFiles(path)].some((file) => existsSync(file))
  if (existsSync(path) && readdirSync(path).length > 0 && !isOurs)
    return 'that is no data dir of plexd: name the right one by --data-dir'
}

/** Deletes what is in the data dir, then the folder itself. Resolves to what stays of it, and why. */
export async function removeFiles({
  dataDir,
  tokenFile,
  joinFile,
  credentialsDir,
}: AgentConfig): Promise<string | undefined> {
  const mounts = await removeContents(dataDir)
  for (const file of [tokenFile, joinFile])
    if (!isCredential(file, credentialsDir)) await rm(file, { force: true })
  if (mounts.length > 0)
    return `the folder "${dataDir}" stays: ${mounts.map((place) => `"${place}"`).join(', ')} is mounted there, and was left as it is`
  return removeEmpty(dataDir).then(
    () => undefined,
    (error: unknown) =>
      isMissing(error) ? undefined : `the empty folder "${dataDir}" stays: ${describeError(error)}`,
  )
}

/** A mount point cannot be removed, nor a folder of a parent that is not writable. */
async function removeEmpty(folder: string): Promise<void> {
  const path = realpathSync(folder)
  await rmdir(path)
  if (lstatSync(folder).isSymbolicLink()) await unlink(folder)
}
