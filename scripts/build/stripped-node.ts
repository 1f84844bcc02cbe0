import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { cache } from '../programs/build.ts'
import { type Architecture, architectures, ownArchitecture } from './architecture.ts'
import type { NodePackage } from './node-package.ts'

const run = promisify(execFile)

/** Without symbols, which are a fifth of it. It has to be before the program is added: afterwards it does not run. */
export async function strippedNode(arch: Architecture, node: NodePackage): Promise<string> {
  const file = join(cache, `node-${node.version}-${arch}-stripped`)
  if (existsSync(file)) return file
  await mkdir(cache, { recursive: true })
  const draft = `${file}.${process.pid}`
  await strip(arch, ['-o', draft, join(node.folder, 'bin/node')])
  await rename(draft, file)
  return file
}

/** Debian has one `strip` for each architecture, which knows no other; elsewhere there may be only the machine's own. */
async function strip(arch: Architecture, args: readonly string[]): Promise<void> {
  const { binutils, debian } = architectures[arch]
  const isOwn = arch === ownArchitecture()
  for (const program of [`${binutils}-strip`, ...(isOwn ? ['strip'] : [])]) {
    try {
      await run(program, args)
      return
    } catch (cause) {
      if (!isMissing(cause)) throw new Error(`strip Node.js for ${arch} with ${program}`, { cause })
    }
  }
  const remedy = `apt-get install ${isOwn ? 'binutils' : debian}`
  throw new Error(`strip Node.js for ${arch}: there is no "${binutils}-strip" here: ${remedy}`)
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
