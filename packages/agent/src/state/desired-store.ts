import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { createSerialQueue, type Log } from '@plexd/runtime'
import { createListeners } from '../process/listeners.ts'
import { createDesiredFiles } from './desired-files.ts'
import type { DesiredState, DesiredStore } from './desired-state.ts'

/**
 * The desired state, stored in `dataDir/state/`. Opening always succeeds: unreadable parts are missing from
 * the state and clear its revision, so that the next pull restores them.
 *
 * `replace` changes memory at once and notifies the listeners before it returns, so `replace(fold(current()))` loses
 * nothing. If the disk fails, the promise rejects, memory keeps the new state and the next call writes everything that
 * is not on disk yet.
 */
export async function openDesiredStore(options: {
  dataDir: string
  log: Log
  /** Told of every write that fails, as is its caller. */
  onFailure?: (error: unknown) => void
}): Promise<DesiredStore & AsyncDisposable> {
  const files = createDesiredFiles(join(options.dataDir, 'state'), options.log)
  const listeners = createListeners<[now: DesiredState, before: DesiredState]>()
  let { state, meshLost } = await files.load()
  let index = 1
  const save = coalesce(() => files.save(state, { meshLost }))
  let saving: Promise<void> = Promise.resolve()

  async function replace(next: DesiredState, { whole = false } = {}): Promise<void> {
    const before = state
    if (whole) meshLost = false
    state = shareUnchanged(next, before)
    if (isVisibleChange(state, before)) index++
    if (state !== before) listeners.tell(state, before)
    saving = save()
    await saving.catch((error: unknown) => {
      options.onFailure?.(error)
      throw error
    })
  }

  return {
    current: () => state,
    index: () => index,
    replace,
    isMeshLost: () => meshLost,
    onChange: listeners.add,
    async [Symbol.asyncDispose]() {
      await saving.catch(() => {}) // its caller is told
      await files[Symbol.asyncDispose]()
    },
  }
}

function isVisibleChange(now: DesiredState, before: DesiredState): boolean {
  return (
    now.metadata !== before.metadata ||
    now.data !== before.data ||
    now.secret_refs !== before.secret_refs
  )
}

/** `next` with every equal part replaced by the previous object, because a pull creates all objects anew. */
function shareUnchanged(next: DesiredState, before: DesiredState): DesiredState {
  const shared: DesiredState = {
    peers: shareList(next.peers, before.peers, (peer) => peer.id),
    policies: shareList(next.policies, before.policies, (policy) => policy.id),
    signing_keys: share(next.signing_keys, before.signing_keys),
    hostname: next.hostname,
    mesh_ranges: share(next.mesh_ranges, before.mesh_ranges),
    metadata: share(next.metadata, before.metadata),
    data: shareList(next.data, before.data, (entry) => entry.key),
    secret_refs: shareList(next.secret_refs, before.secret_refs, (ref) => ref.key),
    left_out: share(next.left_out, before.left_out),
    revision: next.revision,
  }
  const names = Object.keys(shared) as (keyof DesiredState)[] // built just above
  return names.every((name) => shared[name] === before[name]) ? before : shared
}

function share<T>(next: T, before: T): T {
  return isDeepStrictEqual(next, before) ? before : next
}

function shareList<T>(
  next: readonly T[],
  before: readonly T[],
  idOf: (item: T) => string,
): readonly T[] {
  if (next === before) return before
  const known = new Map(before.map((item) => [idOf(item), item]))
  const shared = next.map((item) => share(item, known.get(idOf(item)) ?? item))
  const same = shared.length === before.length && shared.every((item, at) => item === before[at])
  return same ? before : shared
}

/** Runs `work` for each call, one at a time; calls made while one is queued share it. */
function coalesce(work: () => Promise<void>): () => Promise<void> {
  const inOrder = createSerialQueue()
  let waiting: Promise<void> | undefined
  return () => {
    waiting ??= inOrder(() => {
      waiting = undefined
      return work()
    })
    return waiting
  }
}
