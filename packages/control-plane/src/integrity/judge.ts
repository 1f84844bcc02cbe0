import { type BinaryState, normalChecksum } from '@plexd/protocol'
import type { Platform } from '../mesh/platform.ts'
import type { BuildName } from '../rows/trusted-builds.ts'

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
