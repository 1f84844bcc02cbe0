import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installerText } from '../../../scripts/build/installer.ts'
import { newKey } from '../../../scripts/build/release-key.ts'
import { writeSums } from '../../../scripts/build/sums.ts'
import { runToEnd } from '../../../scripts/programs/program.ts'

/** A build whose programs are small, so that a test can have many of it; sums and signature are made as those of real ones. */
export interface SmallRelease {
  /** Where the files are. */
  folder: string
  /** The installer of this build. */
  installer: string
  /** The package of this machine. */
  deb: string
}

export async function createRelease(folder: string, version = '1.0.0'): Promise<SmallRelease> {
  const { privatePem, publicPem } = newKey()
  const deb = `plexd_${version}_amd64.deb`
  await mkdir(join(folder, 'arm64'), { recursive: true })
  await writeFile(join(folder, 'plexd'), programOf(62, version))
  await writeFile(join(folder, 'arm64/plexd'), programOf(183, version))
  await packProgram(folder, deb, version)
  const installer = join(folder, 'install.sh')
  await writeFile(installer, await installerText([publicPem]))
  await writeFile(join(folder, 'release.pub'), publicPem)
  await writeSums(folder, ['plexd', 'arm64/plexd', deb, 'install.sh'], privatePem)
  return { folder, installer, deb }
}

/** The head of an ELF file of that machine, which the installer looks at. */
function programOf(machine: number, version: string): Buffer {
  const bytes = Buffer.alloc(64)
  bytes.write('\x7fELF', 'latin1')
  bytes.writeUInt16LE(machine, 18)
  return Buffer.concat([bytes, Buffer.from(version)])
}

async function packProgram(folder: string, deb: string, version: string): Promise<void> {
  const tree = join(folder, 'tree')
  await mkdir(join(tree, 'DEBIAN'), { recursive: true })
  await mkdir(join(tree, 'usr/bin'), { recursive: true })
  const about = [
    'Package: plexd',
    `Version: ${version}`,
    'Architecture: amd64',
    'Maintainer: A <a@example.com>',
  ]
  await writeFile(
    join(tree, 'DEBIAN/control'),
    `${[...about, 'Description: node agent'].join('\n')}\n`,
  )
  await writeFile(join(tree, 'usr/bin/plexd'), await readFile(join(folder, 'plexd')))
  const { code, stderr } = await runToEnd('dpkg-deb', [
    '--root-owner-group',
    '--build',
    tree,
    join(folder, deb),
  ])
  if (code !== 0) throw new Error(`make "${deb}": ${stderr}`)
}
