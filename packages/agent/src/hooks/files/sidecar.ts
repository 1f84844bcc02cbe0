import { lstat } from 'node:fs/promises'
import { describeError, parseConfig, undefinedIfMissing } from '@plexd/runtime'
import { type ReadDeclaration, readDeclaration } from '../declared/declaration.ts'
import { type FileRules, readTrusted } from './trusted-file.ts'

/** In the order in which they are looked for. `.json` is the Go agent's. */
export const sidecarEndings = ['.json', '.yaml', '.yml'] as const

/** The file beside a hook that declares it. */
export interface Sidecar {
  path: string
  checksum: string
  changedMs: number
  /** What it says, or why that is not understood. */
  content: ReadDeclaration | { fault: string }
}

const maxSidecarBytes = 64 * 1024

/** The sidecar of the hook at a path; undefined if it has none. Rejects with an UntrustedFile if it must not be used. */
export async function readSidecar(
  hookPath: string,
  rules: Pick<FileRules, 'inside' | 'owners'>,
): Promise<Sidecar | undefined> {
  const found = await Promise.all(sidecarEndings.map((ending) => read(hookPath + ending, rules)))
  const [first, second] = found.filter((sidecar) => sidecar !== undefined)
  if (!first || !second) return first
  return { ...first, content: { fault: `"${first.path}" and "${second.path}" both declare it` } }
}

async function read(
  path: string,
  rules: Pick<FileRules, 'inside' | 'owners'>,
): Promise<Sidecar | undefined> {
  // A link that leads nowhere is a declaration that cannot be read, not one that is not there.
  if (!(await lstat(path).catch(undefinedIfMissing))) return undefined
  try {
    const limits = { maxBytes: maxSidecarBytes, isExecutable: false }
    const { bytes, checksum, stats } = await readTrusted(path, { ...rules, ...limits })
    return { path, checksum, changedMs: stats.ctimeMs, content: await parse(path, bytes) }
  } catch (cause) {
    throw new Error(`its declaration "${path}"`, { cause })
  }
}

/** JSON is YAML too, and the parser of that refuses two fields of one name. */
async function parse(path: string, bytes: Buffer): Promise<Sidecar['content']> {
  try {
    return readDeclaration(await parseConfig(bytes.toString('utf8'), path))
  } catch (error) {
    return { fault: describeError(error) }
  }
}
