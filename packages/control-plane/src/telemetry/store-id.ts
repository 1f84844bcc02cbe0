import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createFileAtomic } from '@plexd/runtime'

/**
 * Names a folder of telemetry, for those who keep elsewhere how far they have read in it: ids of its records are of no other folder. Made
 * when it is first asked for, and gone with the folder.
 */
export async function readStoreId(folder: string): Promise<string> {
  const path = join(folder, 'id')
  await createFileAtomic(path, `${crypto.randomUUID()}\n`)
  const id = (await readFile(path, 'utf8')).trim()
  if (/^[\w-]{36}$/.test(id)) return id
  throw new Error(
    `read "${path}": "${id.slice(0, 80)}" is no id of a telemetry folder: remove the file, and what is in the folder counts as new`,
  )
}
