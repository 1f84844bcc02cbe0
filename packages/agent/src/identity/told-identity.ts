import { isDeepStrictEqual } from 'node:util'
import { describeError, type Log } from '@plexd/runtime'
import type { DesiredStore } from '../state/desired-state.ts'
import type { Identity, IdentityStore } from './identity.ts'

export interface ToldIdentity extends Disposable {
  look(): void
}

/**
 * Saves in the identity what operators may change: the node's hostname and the ranges of the mesh. At once, and again
 * with each `look` if saving failed.
 */
export function followToldIdentity({
  desired,
  identity,
  log,
}: {
  desired: DesiredStore
  identity: IdentityStore
  log: Log
}): ToldIdentity {
  let isSaving = false

  async function follow(): Promise<void> {
    if (isSaving) return
    isSaving = true
    try {
      for (let news = readNews(); news !== undefined; news = readNews()) await take(news)
    } catch (error) {
      log.warn('what this node is told to be cannot be saved', { error: describeError(error) })
    }
    isSaving = false
  }

  function readNews(): Partial<Identity> | undefined {
    const { hostname, mesh_ranges } = desired.current()
    const now = identity.current()
    const news: Partial<Identity> = {}
    if (hostname !== '' && hostname !== now.hostname) news.hostname = hostname
    if (mesh_ranges.length > 0 && !isDeepStrictEqual(mesh_ranges, now.mesh_ranges))
      news.mesh_ranges = [...mesh_ranges]
    return Object.keys(news).length === 0 ? undefined : news
  }

  async function take(news: Partial<Identity>): Promise<void> {
    const { hostname: before } = identity.current()
    await identity.update((now) => ({ ...now, ...news }))
    const { hostname, mesh_ranges } = news
    if (hostname !== undefined) log.info('this node has another hostname', { hostname, before })
    if (mesh_ranges) log.info('the mesh has these ranges', { mesh_ranges })
  }

  const look = (): void => void follow()
  look()
  return { look, [Symbol.dispose]: desired.onChange(look) }
}
