/** All files of a package, whichever package manager it is for. */
import { gzipSync } from 'node:zlib'
import type { ProgramName } from '../../programs/build.ts'
import { fileNames } from '../single-file.ts'
import { commandTrees, completion } from './command-trees.ts'
import { manPage } from './man-page.ts'
import type { PackageParts } from './package-parts.ts'
import { type PackagedFile, type PackageRow, packageVersion } from './package-row.ts'

export interface Contents {
  files: readonly (PackagedFile | ProgramFile)[]
  /** Those that only this package has, and empty ones. */
  folders: readonly string[]
}

export interface ProgramFile {
  path: string
  /** The file to copy. */
  from: string
  isConfig?: false
}

export async function contentsOf(row: PackageRow, parts: PackageParts): Promise<Contents> {
  const ofPrograms = await Promise.all(row.programs.map((name) => programFiles(name, row, parts)))
  const doc = `/usr/share/doc/${row.name}`
  const files = [
    ...ofPrograms.flat(),
    ...row.files,
    { path: `${doc}/copyright`, text: copyright },
    { path: `${doc}/licences.gz`, text: packed(parts.licences) },
    { path: `${doc}/changelog.gz`, text: packed(changelog(row, parts)) },
  ]
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), folders: row.folders }
}

async function programFiles(
  name: ProgramName,
  { files }: PackageRow,
  { programs, version, epochSeconds }: PackageParts,
): Promise<(PackagedFile | ProgramFile)[]> {
  const program = fileNames[name]
  const section = name === 'plexctl' ? 1 : 8
  const configs = files.filter(({ isConfig }) => isConfig).map(({ path }) => path)
  const page = manPage(commandTrees[name](), {
    section,
    version,
    date: new Date(epochSeconds * 1_000).toISOString().slice(0, 10),
    files: name === 'plexctl' ? [] : configs,
  })
  return [
    { path: `/usr/bin/${program}`, from: programs[name] },
    { path: `/usr/share/man/man${section}/${program}.${section}.gz`, text: packed(page) },
    {
      path: `/usr/share/bash-completion/completions/${program}`,
      text: await completion(name, 'bash'),
    },
    {
      path: `/usr/share/zsh/vendor-completions/_${program}`,
      text: await completion(name, 'zsh'),
    },
    {
      path: `/usr/share/fish/vendor_completions.d/${program}.fish`,
      text: await completion(name, 'fish'),
    },
  ]
}

/** No name and no time in it: the same bytes each time. */
function packed(text: string): Buffer {
  return gzipSync(text, { level: 9 })
}

const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: plexd
Comment: The programs contain Node.js and packages of others, whose licences are in licences.gz beside this file.

Files: *
Copyright: the authors of plexd
License: Apache-2.0
 On Debian systems the text of the licence is in /usr/share/common-licenses/Apache-2.0; it is in licences.gz, too.
`

/** Debian wants one for each package. What has changed is in the release notes. */
function changelog(row: PackageRow, { version, epochSeconds }: PackageParts): string {
  const date = new Date(epochSeconds * 1_000).toUTCString().replace('GMT', '+0000')
  return `${row.name} (${packageVersion(version)}) stable; urgency=medium

  * See the release notes of this version.

 -- ${maintainer}  ${date}
`
}

export const maintainer = 'The authors of plexd <plexd@localhost>'
