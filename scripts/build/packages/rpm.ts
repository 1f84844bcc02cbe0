import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Contents, contentsOf, maintainer } from './contents.ts'
import type { PackageParts } from './package-parts.ts'
import { type PackageRow, packageVersion, rpmArchitectures } from './package-row.ts'
import { runPackager } from './packager.ts'
import { stage, stagingFolder } from './staging.ts'
import { rpmScripts } from './steps.ts'

/** Resolves to the name of the file. */
export async function makeRpm(row: PackageRow, parts: PackageParts): Promise<string> {
  const { out, arch, version, epochSeconds } = parts
  await using folder = await stagingFolder()
  const contents = await contentsOf(row, parts)
  const root = join(folder.path, 'root')
  await mkdir(root)
  await stage(contents, { root, epochSeconds })
  const spec = join(folder.path, `${row.name}.spec`)
  await writeFile(spec, specText(row, parts, contents))
  const rpmArch = rpmArchitectures[arch]
  const name = `${row.name}-${packageVersion(version)}-1.${rpmArch}.rpm`
  const defines = Object.entries({ _topdir: folder.path, _rpmdir: folder.path, plexd_root: root })
  await runPackager(
    [
      'rpmbuild',
      ...['-bb', '--quiet', '--target', `${rpmArch}-linux`],
      ...defines.flatMap(([key, value]) => ['--define', `${key} ${value}`]),
      spec,
    ],
    { title: `make ${name}`, debian: 'rpm', epochSeconds },
  )
  await copyFile(join(folder.path, rpmArch, name), join(out, name))
  return name
}

/** Nothing is compiled, and nothing may be changed: a stripped single file is an empty Node.js. */
const untouched = `%global debug_package %{nil}
%global __os_install_post %{nil}
%global __strip /bin/true
%global _build_id_links none
%global _buildhost localhost
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _binary_payload w9.zstdio
%global _docdir_fmt %{name}
`

function specText(row: PackageRow, { version }: PackageParts, contents: Contents): string {
  const requires = row.needs.map(({ rpm }) => `Requires: ${rpm}`)
  const recommends = row.recommends.map(({ rpm }) => `Recommends: ${rpm}`)
  const scripts = Object.entries(rpmScripts(row)).map(([name, text]) => `%${name}\n${text}`)
  return `${untouched}Name: ${row.name}
Version: ${packageVersion(version)}
Release: 1
Summary: ${row.summary}
License: Apache-2.0
Packager: ${maintainer}
AutoReqProv: no
${[...requires, ...recommends].join('\n')}

%description
${row.description}

%install
cp -a %{plexd_root}/. %{buildroot}/

${scripts.join('\n')}
%files
%defattr(-,root,root,-)
${fileLines(contents).join('\n')}
`
}

function fileLines({ files, folders }: Contents): string[] {
  const parents = files.flatMap(({ path }) => parentsOf(path))
  const own = new Set([...parents.filter((path) => !ofTheSystem.has(path)), ...folders])
  return [
    ...[...own].sort().map((path) => `%dir ${path}`),
    ...files.map(({ path, isConfig }) => (isConfig ? `%config(noreplace) ${path}` : path)),
  ]
}

/** All others are removed with the last package that has them. */
const ofTheSystem = new Set([
  ...['/etc', '/usr', '/usr/bin', '/usr/lib', '/usr/lib/systemd', '/usr/lib/systemd/system'],
  ...['/usr/lib/sysusers.d', '/usr/lib/tmpfiles.d', '/usr/share', '/usr/share/doc'],
  ...['/usr/share/man', '/usr/share/man/man1', '/usr/share/man/man8'],
])

function parentsOf(path: string): string[] {
  const parent = dirname(path)
  return parent === '/' ? [] : [...parentsOf(parent), parent]
}
