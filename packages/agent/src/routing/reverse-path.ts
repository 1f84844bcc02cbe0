import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cidr, formatNode, parseIpv4, rangeOf } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import { namespaceFolder, openNamespaceFolder, standardRunDir } from '../disk/namespace-folder.ts'
import { type CheckedPeer, endpointAddress } from './route-check.ts'

export interface ReversePathPlace {
  /** The folder of IPv4 settings. */
  conf?: string
  runDir?: string
}

const standardConf = '/proc/sys/net/ipv4/conf'
const settingIn = (conf: string): string => join(conf, 'all', 'src_valid_mark')
/** The value before ours. */
const keptIn = (folder: string): string => join(folder, 'src_valid_mark')

/**
 * With a strict reverse path filter (rp_filter) the kernel drops packets from any interface but the one an answer would
 * leave by, and so WireGuard's from peers whose own address is in a mesh range, unless it heeds their mark
 * (src_valid_mark). Set only if there are such peers, because it applies to all marks of the machine. Resolves to what is
 * wrong if it cannot be set.
 */
export async function allowMarkedReturn(
  peers: readonly CheckedPeer[],
  ranges: readonly Cidr[],
  { conf = standardConf, runDir = standardRunDir }: ReversePathPlace = {},
): Promise<string[]> {
  const inside = peers.find((peer) => isInside(endpointAddress(peer), ranges))
  if (!inside || !(await isStrict(conf))) return []
  const before = await readNumber(settingIn(conf))
  if (before === 1) return []
  try {
    await writeFile(keptIn(await openNamespaceFolder(runDir)), String(before), { mode: 0o600 })
    await writeFile(settingIn(conf), '1')
    return []
  } catch (error) {
    return [
      `the kernel drops what peer ${formatNode(inside.id, inside.hostname)} sends from ${endpointAddress(inside)}, an address in the mesh range, for its rp_filter is strict: ${describeError(error)}: run "sysctl -w net.ipv4.conf.all.src_valid_mark=1"`,
    ]
  }
}

/** Restores what `allowMarkedReturn` has changed, unless somebody has changed it since. */
export async function restoreMarkedReturn({
  conf = standardConf,
  runDir = standardRunDir,
}: ReversePathPlace = {}): Promise<void> {
  const kept = keptIn(namespaceFolder(runDir))
  const before = await readFile(kept, 'utf8').catch(() => undefined)
  if (before === undefined) return
  if ((await readNumber(settingIn(conf))) === 1) await writeFile(settingIn(conf), before)
  await rm(kept, { force: true })
}

function isInside(address: string, ranges: readonly Cidr[]): boolean {
  return /^[\d.]+$/.test(address) && rangeOf(ranges, parseIpv4(address)) !== undefined
}

/** Whether it is on any interface: the larger of its own value and that for all counts, and 1 is strict. */
async function isStrict(conf: string): Promise<boolean> {
  const forAll = await readNumber(join(conf, 'all', 'rp_filter'))
  const names = await readdir(conf).catch(() => [])
  const numbers = await Promise.all(
    names
      .filter((name) => !['all', 'default', 'lo'].includes(name))
      .map((name) => readNumber(join(conf, name, 'rp_filter'))),
  )
  return numbers.some((number) => Math.max(number, forAll) === 1)
}

/** 0 if there is no such file. */
async function readNumber(path: string): Promise<number> {
  return Number(await readFile(path, 'utf8').catch(() => '0'))
}
