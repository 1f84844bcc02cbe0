import { type BinaryState, normalChecksum } from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { BuildName } from '../rows/trusted-builds.ts'

/** Both empty for a node that does not say what machine it is. */
export type Platform = Pick<BuildName, 'os' | 'arch'>

/** As a node reports it of itself, which agents do when they register. */
export function platformOf({
  reported,
  labels,
}: Pick<NodeRecord, 'reported' | 'labels'>): Platform {
  const { os = '', arch = '' } = { ...labels, ...reported }
  return { os, arch }
}

/**
 * Whether a binary is what it says, by the good builds of that version for its platform, or for any if that is not known. Without any
 * it is `unknown`: nobody has said what that version is. Pure.
 */
export function judgeBinary(
  checksum: string,
  { os, arch }: Platform,
  goodBuilds: readonly BuildName[],
): BinaryState {
  const builds = goodBuilds.filter(
    (build) => (os === '' || build.os === os) && (arch === '' || build.arch === arch),
  )
  if (builds.length === 0) return 'unknown'
  const isGood = builds.some((build) => normalChecksum(build.checksum) === normalChecksum(checksum))
  return isGood ? 'verified' : 'mismatch'
}
