import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contentsOf, maintainer } from './contents.ts'
import type { PackageParts } from './package-parts.ts'
import { type PackageRow, packageVersion } from './package-row.ts'
import { runPackager } from './packager.ts'
import { settle, stage, stagingFolder } from './staging.ts'
import { debScripts } from './steps.ts'

/** Resolves to the name of the file. */
export async function makeDeb(row: PackageRow, parts: PackageParts): Promise<string> {
  const { out, arch, version, epochSeconds } = parts
  await using folder = await stagingFolder()
  const contents = await contentsOf(row, parts)
  await stage(contents, { root: folder.path, epochSeconds })
  const control = join(folder.path, 'DEBIAN')
  await mkdir(control)
  const sums: string[] = []
  let bytes = 0
  for (const { path } of contents.files) {
    const file = await readFile(join(folder.path, path))
    bytes += file.length
    sums.push(`${createHash('md5').update(file).digest('hex')}  ${path.slice(1)}\n`)
  }
  const configs = contents.files.filter(({ isConfig }) => isConfig)
  const write = (name: string, text: string, mode = 0o644) =>
    writeFile(join(control, name), text, { mode })
  await write('control', controlText(row, parts, bytes))
  await write('md5sums', sums.join(''))
  await write('conffiles', configs.map(({ path }) => `${path}\n`).join(''))
  for (const [name, text] of Object.entries(debScripts(row))) await write(name, text, 0o755)
  await settle(control, epochSeconds)
  const name = `${row.name}_${packageVersion(version)}_${arch}.deb`
  // xz takes a minute for a fifth less.
  const form = ['--root-owner-group', '-Zzstd', '-z9', '--build']
  await runPackager(['dpkg-deb', ...form, folder.path, join(out, name)], {
    title: `make ${name}`,
    debian: 'dpkg',
    epochSeconds,
  })
  return name
}

function controlText(row: PackageRow, { version, arch }: PackageParts, bytes: number): string {
  const names = (needs: PackageRow['needs']): string => needs.map(({ deb }) => deb).join(', ')
  return `Package: ${row.name}
Version: ${packageVersion(version)}
Architecture: ${arch}
Maintainer: ${maintainer}
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: ${names(row.needs)}
Recommends: ${names(row.recommends)}
Section: net
Priority: optional
Description: ${row.summary}
${row.description.replace(/(.{1,76})(?: |$)/g, ' $1\n')}`
}
