import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/**
 * V8 orders parts of its code cache by the hashes of names, whose seed is random, so that no two builds would be equal.
 * With a seed of our own they are; but V8 then notes flags in the cache that no running program has, and a program that
 * ran with a known seed could be slowed down by names that are chosen to collide. So the note is put right afterwards.
 */
export const buildFlag = '--hash-seed=1'

/** Marks the code cache in a program, which `node` has made, as made without `buildFlag`. Rejects unless there is exactly one. */
export async function clearBuildFlag(file: string, node: string): Promise<void> {
  const [plain, flagged] = await Promise.all([cacheHead(node, []), cacheHead(node, [buildFlag])])
  const bytes = await readFile(file)
  const found = placesOf(flagged.subarray(0, sourceAt), bytes).filter((at) =>
    bytes.subarray(at + flagsAt, at + headBytes).equals(flagged.subarray(flagsAt)),
  )
  const [at] = found
  if (at === undefined || found.length > 1)
    throw new Error(`find the code cache in "${file}": there are ${found.length}`)
  plain.copy(bytes, at + flagsAt, flagsAt)
  await writeFile(file, bytes)
}

/** SerializedCodeData in V8's code-serializer.h: magic number, V8's version, source, flags; 4 bytes each. */
const sourceAt = 8
const flagsAt = 12
const headBytes = 16

async function cacheHead(node: string, flags: readonly string[]): Promise<Buffer> {
  const script = `new vm.Script('1').createCachedData().subarray(0, ${headBytes}).toString('hex')`
  const { stdout } = await promisify(execFile)(node, [...flags, '--print', script])
  return Buffer.from(stdout.trim(), 'hex')
}

function placesOf(part: Buffer, whole: Buffer): number[] {
  const places: number[] = []
  for (let at = whole.indexOf(part); at >= 0; at = whole.indexOf(part, at + 1)) places.push(at)
  return places
}
