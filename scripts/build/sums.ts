import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checksumOf, signText } from './release-key.ts'

/**
 * Writes `SHA256SUMS`, as `sha256sum --check` reads it, and, with a private key in PEM, `SHA256SUMS.sig`: 64 bytes, as
 * `openssl pkeyutl -verify -rawin` reads them. Resolves to the names of what was written.
 */
export async function writeSums(
  folder: string,
  files: readonly string[],
  key: string | undefined,
): Promise<string[]> {
  const lines: string[] = []
  for (const file of [...files].sort()) {
    const checksum = await checksumOf(join(folder, file))
    lines.push(`${checksum.replace('sha256:', '')}  ${file}\n`)
  }
  const [sums, signature] = ['SHA256SUMS', 'SHA256SUMS.sig']
  const text = lines.join('')
  await writeFile(join(folder, sums), text)
  // That of another build must not lie beside it.
  await rm(join(folder, signature), { force: true })
  if (key === undefined) return [sums]
  await writeFile(join(folder, signature), signText(text, key))
  return [sums, signature]
}
