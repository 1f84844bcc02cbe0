import { stat } from 'node:fs/promises'
import { CompiledPolicy, Peer, SigningKeys, validatorOf } from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import { emptyMesh, type MeshState } from './desired-state.ts'
import { encodeLine, type Journal, openJournal } from './journal.ts'
import { LeftOut } from './left-out.ts'

/**
 * The mesh state on disk, as a journal of changes: a thousand peers are a quarter of a megabyte, too much to be
 * written, and waited for, at each event about one of them. A line contains one complete change, so it is atomic
 * (docs/decisions/0016).
 */
export interface MeshJournal extends AsyncDisposable {
  /** `broken` if part of it could not be read; then the next save rewrites it. Never rejects. */
  load(): Promise<{ state: MeshState; broken: boolean }>
  /** Resolves when the state is on disk. Unchanged parts must be the same objects. Calls must not overlap. */
  save(state: MeshState): Promise<void>
}

/** The changed parts; absent ones are unchanged. */
const MeshChange = Type.Object({
  /** New items, and replacements of those with the same id. */
  peers: Type.Optional(Type.Array(Peer)),
  /** Ids of removed items. */
  gone: Type.Optional(Type.Array(Type.String())),
  policies: Type.Optional(Type.Array(CompiledPolicy)),
  signing_keys: Type.Optional(Type.Union([SigningKeys, Type.Null()])),
  hostname: Type.Optional(Type.String()),
  mesh_ranges: Type.Optional(Type.Array(Type.String())),
  left_out: Type.Optional(Type.Array(LeftOut)),
  revision: Type.String(),
})
type MeshChange = Static<typeof MeshChange>
const meshChange = validatorOf(MeshChange)

export function createMeshJournal(path: string, log: Log): MeshJournal {
  let journal: Journal | undefined
  /** The state that the lines add up to; undefined if they are damaged. */
  let saved: MeshState | undefined
  let compactAt = 0

  async function load(): Promise<{ state: MeshState; broken: boolean }> {
    const folded = createFolder()
    let damaged = 0
    try {
      journal = await openJournal(path, meshChange(), folded.add)
      damaged = journal.damaged
      // The first line is always complete, because the file was renamed into place.
      if (journal.size() === 0 && (await stat(path)).size > 0) damaged++
    } catch (error) {
      log.warn('state file cannot be read, its content is pulled again', { file: path, error })
      return { state: emptyMesh, broken: true }
    }
    const state = folded.state()
    // Count only the live part: otherwise a daemon that restarts often would let the file double each time.
    compactAt = compactionSize(Buffer.byteLength(linesOf(state).join('')))
    if (damaged > 0)
      log.warn('state file is damaged, its content is pulled again', { file: path, damaged })
    else saved = state
    return { state, broken: damaged > 0 }
  }

  async function save(state: MeshState): Promise<void> {
    journal ??= await openJournal(path, meshChange(), () => {})
    if (saved && journal.size() < compactAt) {
      const change = changeBetween(saved, state)
      if (change) await journal.append(encodeLine(change))
    } else {
      await journal.replace(linesOf(state))
      compactAt = compactionSize(journal.size())
    }
    saved = state
  }

  return {
    load,
    save,
    [Symbol.asyncDispose]: async () => journal?.[Symbol.asyncDispose](),
  }
}

/** The journal is compacted when more than half of it is history, unless it is small. */
function compactionSize(wholeBytes: number): number {
  return 2 * wholeBytes + 64 * 1024
}

/** The lines of a compacted journal. */
function linesOf(state: MeshState): string[] {
  const change = changeBetween(emptyMesh, state)
  return change ? [encodeLine(change)] : []
}

/** The difference between two states; undefined if there is none. Pure. */
function changeBetween(before: MeshState, now: MeshState): MeshChange | undefined {
  const known = new Map(before.peers.map((peer) => [peer.id, peer]))
  const peers = now.peers.filter((peer) => known.get(peer.id) !== peer)
  const ids = new Set(now.peers.map(({ id }) => id))
  const gone = before.peers.flatMap(({ id }) => (ids.has(id) ? [] : [id]))
  const change: MeshChange = {
    ...(peers.length === 0 ? {} : { peers }),
    ...(gone.length === 0 ? {} : { gone }),
    ...(now.policies === before.policies ? {} : { policies: [...now.policies] }),
    ...(now.signing_keys === before.signing_keys ? {} : { signing_keys: now.signing_keys }),
    ...(now.hostname === before.hostname ? {} : { hostname: now.hostname }),
    ...(now.mesh_ranges === before.mesh_ranges ? {} : { mesh_ranges: [...now.mesh_ranges] }),
    ...(now.left_out === before.left_out ? {} : { left_out: [...now.left_out] }),
    revision: now.revision,
  }
  return Object.keys(change).length > 1 || now.revision !== before.revision ? change : undefined
}

/** Applies changes to a state. */
function createFolder(): { add(change: MeshChange): void; state(): MeshState } {
  const peers = new Map<string, Peer>()
  let rest = emptyMesh
  return {
    add({ peers: changed = [], gone = [], ...others }) {
      for (const id of gone) peers.delete(id)
      for (const peer of changed) peers.set(peer.id, peer)
      rest = { ...rest, ...others }
    },
    state: () => ({ ...rest, peers: [...peers.values()] }),
  }
}
