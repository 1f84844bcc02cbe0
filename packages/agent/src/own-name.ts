import { describeError, type Log } from '@plexd/runtime'
import type { IdentityStore } from './identity.ts'
import type { DesiredStore } from './state/desired-state.ts'

/**
 * Keeps the identity under the name that the control plane has for this node, as operators may change it. What could not
 * be saved is tried again with the next change, and at the next start. Returns the function that ends it.
 */
export function followOwnName({
  desired,
  identity,
  log,
}: {
  desired: DesiredStore
  identity: IdentityStore
  log: Log
}): () => void {
  let isSaving = false

  async function follow(): Promise<void> {
    if (isSaving) return
    isSaving = true
    try {
      for (let name = newName(); name !== undefined; name = newName()) await take(name)
    } catch (error) {
      log.warn('hostname cannot be saved', { error: describeError(error) })
    }
    isSaving = false
  }

  function newName(): string | undefined {
    const { hostname } = desired.current()
    return hostname === '' || hostname === identity.current().hostname ? undefined : hostname
  }

  async function take(hostname: string): Promise<void> {
    const { hostname: before } = identity.current()
    await identity.update((now) => ({ ...now, hostname }))
    log.info('this node has another hostname', { hostname, before })
  }

  void follow()
  return desired.onChange(() => void follow())
}
