import { constants, existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from '@plexd/runtime'

/** Creates a folder that everybody may enter, and its parents. The mode of an existing folder is its owner's decision. */
export async function makeOpenFolder(folder: string): Promise<void> {
  const above = dirname(folder)
  if (above !== folder && !existsSync(above)) await makeOpenFolder(above)
  if (makeFolder(folder, 0o755)) await openToAll(folder)
}

/** Against the umask. By descriptor, in case another folder was put in its place. */
async function openToAll(folder: string): Promise<void> {
  await using made = await open(folder, constants.O_DIRECTORY | constants.O_NOFOLLOW)
  const { uid } = await made.stat()
  if (uid === process.geteuid?.()) await made.chmod(0o755)
}
