import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError, describeError } from '@plexd/runtime'
import type { Manifest } from './archive/manifest.ts'
import { type Checked, checkContents } from './check-contents.ts'
import { unpack } from './unpack.ts'

export interface VerifyOptions {
  file: string
  identities: readonly string[] | undefined
  masterKeyFile: string | undefined
  onProgress: (text: string) => void
}

/** Reads all of a backup and opens its databases, in a temporary folder. Throws a CliError that says what is wrong with it. */
export async function verifyBackup(
  options: VerifyOptions,
): Promise<Checked & { manifest: Manifest }> {
  const { file, masterKeyFile, onProgress } = options
  const work = `verify backup "${file}"`
  await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-backup-'))
  const manifest = await unpack({ ...options, to: folder.path, work })
  onProgress('checking databases')
  try {
    return {
      manifest,
      ...(await checkContents(folder.path, manifest, {
        masterKeyFile,
        check: 'integrity_check',
      })),
    }
  } catch (error) {
    throw new CliError(`${work}: ${describeError(error)}`)
  }
}
