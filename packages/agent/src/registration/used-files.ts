import { accessSync, constants, existsSync } from 'node:fs'
import { lstat, realpath, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describeError, isCredential, type Log, undefinedIfMissing } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'

type Places = Pick<AgentConfig, 'dataDir' | 'tokenFile' | 'joinFile' | 'credentialsDir'>

/** Where the key is that a machine enrols with. It goes last: with an identity beside it, an enrolment was cut off before the other files went. */
export const draftPath = (dataDir: string): string => join(dataDir, 'registration-key')

/** Once the identity is saved. The token may be valid for more registrations, so nobody else should read it. */
export async function removeUsed(places: Places, log: Log): Promise<void> {
  for (const file of tokenFiles(places)) await removeFile(file, log)
  await rm(draftPath(places.dataDir), { force: true })
}

/** On a machine that is enrolled already: ends what a crash has cut off; says which files with a token are of no use, and keeps them, as they may be for another machine. */
export async function settleUsed(places: Places, log: Log): Promise<void> {
  if (existsSync(draftPath(places.dataDir))) return await removeUsed(places, log)
  for (const file of tokenFiles(places).filter(isRemovable))
    log.warn('file with a token is not used, as this machine is enrolled already: remove it', {
      file,
    })
}

/** Not in a volume that a machine is given to read, where it stays for all. */
function isRemovable(path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK)
    return existsSync(path)
  } catch {
    return false
  }
}

/** Without "-", which is stdin, and credentials of systemd, which go with the service. */
function tokenFiles({ tokenFile, joinFile, credentialsDir }: Places): string[] {
  return [tokenFile, joinFile].filter((path) => path !== '-' && !isCredential(path, credentialsDir))
}

async function removeFile(path: string, log: Log): Promise<void> {
  try {
    const target = await linkedFrom(path)
    await rm(path, { force: true })
    if (target !== undefined)
      log.warn('file with the token was a link, remove what it led to by hand', { file: target })
  } catch (error) {
    log.warn('file with the token cannot be removed, remove it by hand', {
      file: path,
      error: describeError(error),
    })
  }
}

/** Not removed: whoever may change the link would choose what. */
async function linkedFrom(path: string): Promise<string | undefined> {
  const isLink = (await lstat(path).catch(undefinedIfMissing))?.isSymbolicLink()
  return isLink ? await realpath(path) : undefined
}
