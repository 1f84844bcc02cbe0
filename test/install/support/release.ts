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
  const programs = ['plexd', 'plexctl', 'plexd-control-plane']
  for (const name of programs) await writeFile(join(folder, name), programOf(62, version))
  await writeFile(join(folder, 'arm64/plexd'), programOf(183, version))
  await packProgram(folder, deb, version)
  const installer = join(folder, 'install.sh')
  await writeFile(installer, await installerText([publicPem]))
  await writeFile(join(folder, 'release.pub'), publicPem)
  await writeSums(folder, [...programs, 'arm64/plexd', deb, 'install.sh'], privatePem)
  return { folder, installer, deb }
}

/** The smallest ELF file of that machine; on x86-64 it says its version and ends. */
function programOf(machine: number, version: string): Buffer {
  const said = Buffer.from(`${version}\n`)
  const head = Buffer.alloc(120)
  head.write('\x7fELF\x02\x01\x01', 'latin1')
  head.writeUInt16LE(2, 16) // a program
  head.writeUInt16LE(machine, 18)
  head.writeUInt32LE(1, 20)
  head.writeBigUInt64LE(base + 120n, 24) // where it begins
  head.writeBigUInt64LE(64n, 32) // its one segment is described behind the header
  head.writeUInt16LE(64, 52)
  head.writeUInt16LE(56, 54)
  head.writeUInt16LE(1, 56)
  head.writeUInt32LE(1, 64) // to be loaded, read and run
  head.writeUInt32LE(5, 68)
  head.writeBigUInt64LE(base, 80)
  head.writeBigUInt64LE(0x1000n, 96)
  head.writeBigUInt64LE(0x1000n, 104)
  head.writeBigUInt64LE(0x1000n, 112)
  // write(1, said, its length); exit(0)
  const code = Buffer.from(
    'b801000000bf01000000488d3510000000ba000000000f05b83c00000031ff0f05',
    'hex',
  )
  code.writeUInt32LE(said.length, 18)
  const rest = Buffer.alloc(0x1000 - head.length - code.length - said.length)
  return Buffer.concat([head, code, said, rest])
}

/** Where it is loaded. */
const base = 0x400000n

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
