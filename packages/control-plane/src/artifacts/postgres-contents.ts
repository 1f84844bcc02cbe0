import { type Kysely, sql } from 'kysely'
import { type ArtifactName, checkArtifactName } from './store.ts'

/** The connections of artifacts, or a transaction on one. */
export type Db = Kysely<never>

/** What was uploaded, and has a name once that is kept; its bytes are in chunks. */
export interface Content {
  id: string
  size: number
  checksum: string
}

/** Chunks deleted at once: some mebibytes. */
const chunksAtOnce = 64

export async function findContent(db: Db, name: ArtifactName): Promise<Content | undefined> {
  checkArtifactName(name)
  const { rows } = await sql<Content>`
    select id, size, checksum from artifact_contents where ${isNamed(name)}`.execute(db)
  return rows[0]
}

/** Gives it the name, which another may have had before. */
export async function nameContent(
  db: Db,
  name: ArtifactName,
  { id, size, checksum }: Content,
): Promise<void> {
  checkArtifactName(name)
  const { version, os, arch } = name
  const before = await db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (tx) => {
      const replaced = await unname(tx, name)
      const { numAffectedRows } = await sql`
        update artifact_contents set version = ${version}, os = ${os}, arch = ${arch},
          size = ${size}, checksum = ${checksum}
        where id = ${id}`.execute(tx)
      if (numAffectedRows !== 1n)
        throw new Error(`keep plexd "${version}" for "${os}/${arch}": its upload took over a day`)
      return replaced
    })
  if (before !== undefined) await tidy(db, before)
}

export async function removeContent(db: Db, name: ArtifactName): Promise<void> {
  checkArtifactName(name)
  const id = await unname(db, name)
  if (id !== undefined) await tidy(db, id)
}

/** Removes what has no name, and leaves what has one. Nobody finds it any more: what cannot be removed now goes at a later start. */
export async function tidy(db: Db, id: string): Promise<void> {
  await removeUnnamed(db, id).catch(() => {})
}

/** What a crash has left: uploads without a name, and names whose row was not written any more, or was deleted before. */
export async function sweep(
  db: Db,
  isKnown: (name: ArtifactName) => Promise<boolean>,
): Promise<void> {
  const { rows } = await sql<{ id: string } & (ArtifactName | { version: null })>`
    select id, version, os, arch from artifact_contents
    where created_at < now() - interval '1 day'`.execute(db)
  for (const { id, ...name } of rows) {
    if (name.version !== null && (await isKnown(name))) continue
    await sql`update artifact_contents set version = null where id = ${id}`.execute(db)
    await tidy(db, id)
  }
}

/** From now on nobody finds what has this name; returns its id. */
async function unname(db: Db, name: ArtifactName): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    update artifact_contents set version = null where ${isNamed(name)} returning id`.execute(db)
  return rows[0]?.id
}

/** Step by step: deleting much takes long, and a statement may not. */
async function removeUnnamed(db: Db, id: string): Promise<void> {
  for (let gone = chunksAtOnce; gone === chunksAtOnce; ) {
    // Waits for whoever is naming it at the moment, also where the answer to that was lost.
    const { numAffectedRows } = await sql`
      with content as (select id from artifact_contents where id = ${id} and version is null for update)
      delete from artifact_chunks using content where content_id = content.id and "index" in
        (select "index" from artifact_chunks where content_id = ${id} limit ${sql.lit(chunksAtOnce)})`.execute(
      db,
    )
    gone = Number(numAffectedRows)
  }
  await sql`delete from artifact_contents where id = ${id} and version is null`.execute(db)
}

function isNamed({ version, os, arch }: ArtifactName) {
  return sql`version = ${version} and os = ${os} and arch = ${arch}`
}

/** `created_at`: of the server, so that the clocks of control planes do not matter. */
export const schema = [
  `create table if not exists artifact_contents (
    id text collate "C" primary key,
    version text collate "C", os text collate "C", arch text collate "C", size bigint, checksum text collate "C",
    created_at timestamptz not null default now(),
    unique (version, os, arch))`,
  `create table if not exists artifact_chunks (
    content_id text collate "C" not null references artifact_contents on delete cascade,
    "index" integer not null, bytes bytea not null,
    primary key (content_id, "index"))`,
]
