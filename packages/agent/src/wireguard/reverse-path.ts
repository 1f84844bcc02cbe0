import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cidr, cidrContains, formatNode, parseIpv4 } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import { type CheckedPeer, endpointAddress } from './route-check.ts'

/** How the kernel checks by which interface an answer would leave, of IPv4. */
const conf = '/proc/sys/net/ipv4/conf'

/**
 * Where the kernel drops what comes by another interface than an answer would leave by, packets of WireGuard from peers
 * whose own address lies in the mesh range are such: it must heed the mark that they have. What it cannot be told is
 * said. Only where there are such peers, for it concerns all marks of the machine.
 */
export async function allowMarkedReturn(
  peers: readonly CheckedPeer[],
  range: Cidr,
  folder = conf,
): Promise<string[]> {
  const inside = peers.find((peer) => isInside(endpointAddress(peer), range))
  if (!inside || !(await isStrict(folder))) return []
  const setting = join(folder, 'all', 'src_valid_mark')
  if ((await readNumber(setting)) === 1) return []
  try {
    await writeFile(setting, '1')
    return []
  } catch (error) {
    return [
      `the kernel drops what peer ${formatNode(inside.id, inside.hostname)} sends from ${endpointAddress(inside)}, an address in the mesh range, for its rp_filter is strict: ${describeError(error)}: run "sysctl -w net.ipv4.conf.all.src_valid_mark=1"`,
    ]
  }
}

function isInside(address: string, range: Cidr): boolean {
  return /^[\d.]+$/.test(address) && cidrContains(range, parseIpv4(address))
}

/** Whether it is so on any interface: the larger of its own number and that for all counts, and 1 is strict. */
async function isStrict(folder: string): Promise<boolean> {
  const forAll = await readNumber(join(folder, 'all', 'rp_filter'))
  const names = await readdir(folder).catch(() => [])
  const numbers = await Promise.all(
    names
      .filter((name) => !['all', 'default', 'lo'].includes(name))
      .map((name) => readNumber(join(folder, name, 'rp_filter'))),
  )
  return numbers.some((number) => Math.max(number, forAll) === 1)
}

/** 0 where there is none. */
async function readNumber(path: string): Promise<number> {
  return Number(await readFile(path, 'utf8').catch(() => '0'))
}
