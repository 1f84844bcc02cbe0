import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError, errorCodeOf, undefinedIfMissing } from '@plexd/runtime'

/** In the folder of backups: whose they are, which their names do not say. */
const ownerFile = 'plexd-backups-owner'
/** In the data folder, and so in each backup: who is restored goes on with his folder. */
const ownFile = 'backups-owner'

/**
 * A folder has the backups of one control plane: another one would remove them when it removes its own old ones. Throws a CliError if it
 * has those of another one, or of one that was lost. A folder that is missing is not made.
 */
export async function claimFolder(folder: string, dataDir: string): Promise<void> {
  if ((await stat(folder).catch(undefinedIfMissing)) === undefined) return
  const own = await ownerIn(join(dataDir, ownFile))
  const mark = join(folder, ownerFile)
  if ((await ownerIn(mark, own)) === own) return
  throw new CliError(
    `back up to "${folder}": it has the backups of another control plane, says "${mark}": give each a folder of its own; if that one is gone, and its backups may go too, remove that file`,
  )
}

/** Of two that write it at once, one has. Without a link, which FAT has none of; so it may be empty after a power cut. */
async function ownerIn(file: string, otherwise: string = crypto.randomUUID()): Promise<string> {
  const known = await readFile(file, 'utf8').catch(undefinedIfMissing)
  if (known) return known.trim()
  const flag = known === undefined ? 'wx' : 'w'
  await writeFile(file, `${otherwise}\n`, { flag, mode: 0o600, flush: true }).catch(
    (error: unknown) => {
      if (errorCodeOf(error) !== 'EEXIST') throw error
    },
  )
  return (await readFile(file, 'utf8')).trim()
}
