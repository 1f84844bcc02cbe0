import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { isSea } from 'node:sea'
import packageJson from '../package.json' with { type: 'json' }

export const version: string = packageJson.version

/**
 * `sha256:<hex>` of what runs: the single-file binary, or all files of the program in the order of their names. Reads a file of 100 MB in the first case, so it is asked for once and in the background.
 */
export async function binaryChecksum(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of await programFiles()) {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer) // no encoding is set
  }
  return `sha256:${hash.digest('hex')}`
}

async function programFiles(): Promise<string[]> {
  if (isSea()) return [process.execPath]
  const files = await Array.fromAsync(glob('**/*.{ts,mjs}', { cwd: import.meta.dirname }))
  return files
    .filter((file) => !file.endsWith('.test.ts'))
    .sort()
    .map((file) => join(import.meta.dirname, file))
}
