import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { cache } from '../../../scripts/programs/build.ts'
import { runToEnd } from '../../../scripts/programs/program.ts'
import { orThrow } from './or-throw.ts'

/** What machines have before plexd comes: with it, no test needs the network. */
const minimal =
  'systemd,systemd-sysv,dbus,passwd,wireguard-tools,nftables,iproute2,wireguard-go,libatomic1,libstdc++6'
const packages = {
  minimal,
  /** As a cloud makes one. */
  cloud: `${minimal},curl,ca-certificates,openssl,sudo,cloud-init`,
} as const
export type ImageKind = keyof typeof packages

/** Why there can be none here, if so. */
export async function whyNoDebian(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'it needs root'
  for (const [tool, from] of [
    ['systemd-nspawn', 'systemd-container'],
    ['mmdebstrap', 'mmdebstrap'],
  ])
    if ((await runToEnd('sh', ['-c', `command -v ${tool}`])).code !== 0)
      return `it needs ${tool}: apt-get install ${from}`
  return existsSync('/dev/net/tun') ? undefined : 'it needs /dev/net/tun'
}

/** A Debian 12 in a folder of its own; the first makes an archive for the next ones, from the network. */
export async function unpackDebian(root: string, kind: ImageKind = 'minimal'): Promise<void> {
  const archive = await archiveOf(packages[kind])
  await mkdir(root, { recursive: true })
  await orThrow(runToEnd('tar', ['-C', root, '--exclude=./dev/*', '-xf', archive]))
}

async function archiveOf(include: string): Promise<string> {
  const mark = createHash('sha256').update(include).digest('hex').slice(0, 8)
  const archive = join(cache, `bookworm-${mark}.tar`)
  if (existsSync(archive)) return archive
  await mkdir(cache, { recursive: true })
  const draft = `${archive}.${process.pid}.tar`
  const form = ['--variant=minbase', `--include=${include}`]
  await orThrow(runToEnd('mmdebstrap', [...form, 'bookworm', draft]))
  await rename(draft, archive)
  return archive
}
