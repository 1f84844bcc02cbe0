import { describeError, type Log } from '@plexd/runtime'
import type { IdentityStore } from './identity.ts'
import type { DesiredStore } from './state/desired-state.ts'

export interface OwnName extends Disposable {
  look(): void
}

/**
 * Keeps the identity under the name that the control plane has for this node, as operators may change it: at once, and
 * with each `look` if it could not be saved before.
 */
export function followOwnName({
  desired,
  identity,
  log,
}: {
  desired: DesiredStore
  identity: IdentityStore
  log: Log
}): OwnName {
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

  const look = (): void => void follow()
  look()
  return { look, [Symbol.dispose]: desired.onChange(look) }
}
