import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'

/** A build of plexd that was not uploaded, and that an operator vouches for. */
export type TrustedBuild = Row<'trusted_builds'>

/** What names one. */
export type BuildName = Pick<TrustedBuild, 'version' | 'os' | 'arch' | 'checksum'>

export function readTrustedBuild(
  reader: Reader,
  name: BuildName,
): Promise<TrustedBuild | undefined> {
  return reader
    .selectFrom('trusted_builds')
    .selectAll()
    .where(({ and }) => and({ ...name }))
    .executeTakeFirst()
}

/** Of all versions, oldest first. */
export function readTrustedBuilds(reader: Reader): Promise<TrustedBuild[]> {
  return reader.selectFrom('trusted_builds').selectAll().orderBy('created_at').execute()
}

export async function insertTrustedBuild(tx: Tx, build: TrustedBuild): Promise<void> {
  await tx.insertInto('trusted_builds').values(build).execute()
}

/** False if there is none of that name. */
export async function deleteTrustedBuild(tx: Tx, name: BuildName): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('trusted_builds')
    .where(({ and }) => and({ ...name }))
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** All builds of a version that are good: those that were uploaded, and those that an operator vouches for. */
export function readGoodBuilds(reader: Reader, version: string): Promise<BuildName[]> {
  const columns = ['version', 'os', 'arch', 'checksum'] as const
  return reader
    .selectFrom('artifacts')
    .select(columns)
    .where('version', '=', version)
    .union(reader.selectFrom('trusted_builds').select(columns).where('version', '=', version))
    .execute()
}
