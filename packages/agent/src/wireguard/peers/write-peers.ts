import { ExecError } from '@plexd/runtime'
import { UapiError } from '../backend/uapi.ts'
import type { Backend, PeerChange } from '../backend/wg-interface.ts'
import type { DeviceRecord } from '../device/device-record.ts'

/** A change that WireGuard refused. */
interface Refusal {
  public_key: string
  error: unknown
}

/**
 * Writes all changes in one call. If it is refused, the list is bisected until the refused change is isolated, so that
 * the others take effect. Rejects if WireGuard cannot be reached at all.
 */
export async function writePeers(
  backend: Backend,
  changes: readonly PeerChange[],
): Promise<Refusal[]> {
  const [first] = changes
  if (!first) return []
  try {
    await backend.write({ peers: changes })
    return []
  } catch (error) {
    if (!isRefusal(error)) throw error
    if (changes.length === 1) return [{ public_key: first.public_key, error }]
  }
  const middle = Math.ceil(changes.length / 2)
  const refused = await writePeers(backend, changes.slice(0, middle))
  return [...refused, ...(await writePeers(backend, changes.slice(middle)))]
}

function isRefusal(error: unknown): boolean {
  if (error instanceof ExecError) return error.exitCode === 1
  return error instanceof Error && error.cause instanceof UapiError
}

/** A refused change has no effect, so the next observation finds it missing. */
export function withoutRefused(record: DeviceRecord, refusals: readonly Refusal[]): DeviceRecord {
  if (refusals.length === 0) return record
  const refused = new Set(refusals.map(({ public_key }) => public_key))
  const peers = Object.entries(record.peers).filter(([key]) => !refused.has(key))
  return { ...record, peers: Object.fromEntries(peers) }
}

export function refusalError(refusals: readonly Refusal[], record: DeviceRecord): AggregateError {
  const errors = refusals.map(({ public_key, error }) => {
    const name = record.peers[public_key]?.id ?? public_key
    return new Error(`peer "${name}"`, { cause: error })
  })
  return new AggregateError(errors, `WireGuard refused ${refusals.length} peers`)
}
