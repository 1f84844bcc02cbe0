import { ExecError } from '@plexd/runtime'
import type { Backend } from './backend.ts'
import { UapiError } from './uapi.ts'
import type { PeerChange } from './wg-interface.ts'

/** A change that WireGuard refused. */
export interface Refusal {
  public_key: string
  error: unknown
}

/**
 * Writes all changes in one call. Where one is refused, the others must not suffer: halves are tried until it stands
 * alone. Rejects when WireGuard cannot be reached at all.
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
