import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { optionalParts } from '../../config/settings/backup-parts.ts'

/** Relative, without components that begin with a dot: a backup cannot name anything outside the folder that it is restored to. */
const FilePath = Type.String({
  pattern: '^[A-Za-z0-9_@+-][A-Za-z0-9_@+.-]*(/[A-Za-z0-9_@+-][A-Za-z0-9_@+.-]*)*$',
  maxLength: 512,
})
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const ArchivedFile = Type.Object({
  path: FilePath,
  size: Count,
  /** Permission bits. */
  mode: Type.Integer({ minimum: 0, maximum: 0o777 }),
  /** In hex. */
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
})
export type ArchivedFile = Static<typeof ArchivedFile>

/** The first file of a backup: what it was made of, and what follows, in this order. */
export const Manifest = Type.Object({
  format: Type.Literal('plexd-backup'),
  format_version: Type.Literal(1),
  created_at: Type.String(),
  /** Of the program that made it. */
  program_version: Type.String(),
  /** Of the database. */
  schema_version: Count,
  /** Of the event log. */
  epoch: Type.String(),
  /** The last one of the event log: every change up to it is in the backup. */
  sequence: Count,
  nodes: Count,
  parts: Type.Array(Type.Enum([...optionalParts])),
  /** The fingerprint of the master key that the database is sealed under. */
  master_key_id: Type.String(),
  /** Settings that name files outside the data folder, which are not in the backup. */
  elsewhere: Type.Array(Type.String()),
  files: Type.Array(ArchivedFile, { maxItems: 100_000 }),
})
export type Manifest = Static<typeof Manifest>

export const manifestName = 'manifest.json'
/** Of a hundred thousand files with long names. */
export const maxManifestBytes = 64 * 1024 ** 2

/** Throws if the text is no manifest that this version can read. */
export function parseManifest(text: string): Manifest {
  const found: unknown = JSON.parse(text)
  const { format, format_version } = (found ?? {}) as Partial<Manifest> // looked at before it is checked
  if (format === 'plexd-backup' && format_version !== 1)
    throw new Error(
      `its format has version ${JSON.stringify(format_version)}, this program knows 1: use the newer program`,
    )
  if (!Value.Check(Manifest, found)) throw new Error('its manifest is not that of a backup')
  const paths = new Set(found.files.map(({ path }) => path))
  if (paths.size < found.files.length) throw new Error('its manifest names a file twice')
  return found
}

export function totalBytes(files: readonly { size: number }[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}
