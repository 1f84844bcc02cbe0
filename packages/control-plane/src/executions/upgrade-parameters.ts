import { ApiError } from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'
import { platformOf } from '../mesh/platform.ts'
import { readArtifact } from '../rows/artifacts.ts'
import type { Reader } from '../store/db.ts'

/** The action by which a node runs another version of plexd. */
export const upgradeAction = 'service.upgrade'

/**
 * The parameters of an action on a node. An upgrade gets the checksum of the uploaded build for the node's platform, unless
 * it was asked for with one. Throws an ApiError (400) if there is no such build.
 */
export async function completeParameters(
  reader: Reader,
  node: NodeRecord,
  { action, parameters }: { action: string; parameters: Record<string, string> },
): Promise<Record<string, string>> {
  const { version, checksum } = parameters
  if (action !== upgradeAction || version === undefined || checksum !== undefined) return parameters
  const { os, arch } = platformOf(node)
  const build = await readArtifact(reader, { version, os, arch })
  if (!build)
    throw new ApiError('bad_request', `there is no plexd ${version} for ${os}/${arch}: upload it`)
  return { ...parameters, checksum: build.checksum }
}
