import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'

/** A plexd binary by its name. */
type Name = Pick<StoredArtifact, 'version' | 'os' | 'arch'>

/** The metadata of a plexd binary; its bytes are elsewhere. */
export type StoredArtifact = Row<'artifacts'>

export function readArtifact(reader: Reader, name: Name): Promise<StoredArtifact | undefined> {
  return reader
    .selectFrom('artifacts')
    .selectAll()
    .where('version', '=', name.version)
    .where('os', '=', name.os)
    .where('arch', '=', name.arch)
    .executeTakeFirst()
}

/** Of all versions, oldest first. */
export function readArtifacts(reader: Reader): Promise<StoredArtifact[]> {
  return reader
    .selectFrom('artifacts')
    .selectAll()
    .orderBy('created_at')
    .orderBy('os')
    .orderBy('arch')
    .execute()
}

export function readArtifactsOf(reader: Reader, version: string): Promise<StoredArtifact[]> {
  return reader
    .selectFrom('artifacts')
    .selectAll()
    .where('version', '=', version)
    .orderBy('os')
    .orderBy('arch')
    .execute()
}

export async function insertArtifact(tx: Tx, artifact: StoredArtifact): Promise<void> {
  await tx.insertInto('artifacts').values(artifact).execute()
}

export async function setArtifactSignature(tx: Tx, name: Name, signature: string): Promise<void> {
  await tx
    .updateTable('artifacts')
    .set({ signature })
    .where('version', '=', name.version)
    .where('os', '=', name.os)
    .where('arch', '=', name.arch)
    .execute()
}

/** False if there is none of that name. */
export async function deleteArtifact(tx: Tx, name: Name): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('artifacts')
    .where('version', '=', name.version)
    .where('os', '=', name.os)
    .where('arch', '=', name.arch)
    .executeTakeFirst()
  return numDeletedRows > 0n
}
