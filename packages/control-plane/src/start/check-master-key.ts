import { readSigningKeys } from '../rows/signing-keys.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { openSigningKey } from '../seal/signing-key.ts'
import type { Reader } from '../store/db.ts'

/** Throws if the database is sealed under another key, by what every installation has sealed. A new one has nothing yet. */
export async function checkMasterKey(
  reader: Reader,
  masterKey: MasterKey,
  path: string,
): Promise<void> {
  const [current] = await readSigningKeys(reader)
  if (!current) return
  try {
    await openSigningKey(masterKey, current)
  } catch (cause) {
    throw new Error(
      `start with master key "${path}": the database is sealed under another one: put that file in its place, from where you keep it or from the machine that served last, or name it with --master-key-file`,
      { cause },
    )
  }
}
