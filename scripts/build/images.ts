import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../programs/build.ts'
import { baseLayer } from './images/base-layer.ts'
import { downloadPackages } from './images/debian.ts'
import { makeImage } from './images/image.ts'
import { ownLayer } from './images/own-layer.ts'
import { imageRows } from './images/rows.ts'
import type { PackageParts } from './packages/package-parts.ts'
import { megabytes, step } from './progress.ts'

/** Makes all images of an architecture, and resolves to the names of their files in `out`. */
export async function makeImages(
  parts: PackageParts & { source?: string | undefined },
): Promise<string[]> {
  const { arch, out } = parts
  const names = imageRows.flatMap(({ packages }) => Object.keys(packages))
  const debs = await step(`packages of Debian for ${arch}`, async () => {
    const files = await downloadPackages(arch, [...new Set(names)])
    return [files, `${files.size} of them`]
  })
  const facts = { ...parts, revision: await commit() }
  const made: string[] = []
  for (const row of imageRows)
    made.push(
      await step(`image ${row.name} for ${arch}`, async () => {
        const base = { title: 'packages of Debian', entries: await baseLayer(row, arch, debs) }
        const own = { title: `${row.name} ${parts.version}`, entries: ownLayer(row, parts) }
        const file = await makeImage(row, [base, own], facts)
        return [file, megabytes((await stat(join(out, file))).size)]
      }),
    )
  return made
}

/** That the sources are of; undefined where they are not as it has them, or no checkout. */
async function commit(): Promise<string | undefined> {
  const git = (...args: string[]) => promisify(execFile)('git', ['-C', root, ...args])
  try {
    const { stdout: changes } = await git('status', '--porcelain')
    return changes === '' ? (await git('rev-parse', 'HEAD')).stdout.trim() : undefined
  } catch {
    return undefined
  }
}
