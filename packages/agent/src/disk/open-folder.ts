import { constants, existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from '@plexd/runtime'

/**
 * Makes a folder that all may enter, with those above it. Only what was made here is opened: the mode of a folder that
 * was there is someone's decision.
 */
export async function makeOpenFolder(folder: string): Promise<void> {
  const above = dirname(folder)
  if (above !== folder && !existsSync(above)) await makeOpenFolder(above)
  if (makeFolder(folder, 0o755)) await openToAll(folder)
}

/** Whatever the umask took away; of the folder that is ours, not of one that came into its place. */
async function openToAll(folder: string): Promise<void> {
  await using made = await open(folder, constants.O_DIRECTORY | constants.O_NOFOLLOW)
  const { uid } = await made.stat()
  if (uid === process.geteuid?.()) await made.chmod(0o755)
}
