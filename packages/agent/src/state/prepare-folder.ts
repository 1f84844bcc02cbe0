import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '@plexd/runtime'

/** As `writeFileAtomic` names its files; the file of a key that begins alike ends in `.json`. */
export const temporaryPrefix = '.tmp-'

/** Creates the folder (0700) and removes partial files left by a crash. */
export async function prepareFolder(folder: string): Promise<void> {
  makeFolder(folder)
  await chmod(folder, 0o700)
  for (const name of await readdir(folder))
    if (name.startsWith(temporaryPrefix) && !name.endsWith('.json'))
      await rm(join(folder, name), { force: true })
}
