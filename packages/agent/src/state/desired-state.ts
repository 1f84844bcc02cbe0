import type { CompiledPolicy, Metadata, Peer, SecretRef, SigningKeys } from '@plexd/protocol'
import type { DataEntry } from './data-entry.ts'
import type { LeftOut } from './left-out.ts'
import type { ReceivedState } from './read-state.ts'

/** What of the desired state stays inside the daemon. */
export interface MeshState {
  readonly peers: readonly Peer[]
  readonly policies: readonly CompiledPolicy[]
  /** Null until the first state or event that names them; the identity has the key of the registration. */
  readonly signing_keys: SigningKeys | null
  /** What this node is called; empty when the control plane does not say. */
  readonly hostname: string
  /** All addresses of the mesh (CIDR); empty when the control plane does not say. */
  readonly mesh_ranges: readonly string[]
  /**
   * SSE id (`<epoch>-<sequence>`) of the last event folded in, or revision of the last state pulled, whichever came
   * later. The control plane uses the same ids for both, so it is the ETag of a conditional pull. Empty: pull it all.
   */
  readonly revision: string
  /** What of data and secrets the node has been told and cannot take. */
  readonly left_out: readonly LeftOut[]
}

/** All that this node is told to be. Immutable: a change is a new object, and what did not change keeps its identity. */
export interface DesiredState extends MeshState {
  readonly metadata: Readonly<Metadata>
  readonly data: readonly DataEntry[]
  readonly secret_refs: readonly SecretRef[]
}

export const emptyMesh: MeshState = {
  peers: [],
  policies: [],
  signing_keys: null,
  hostname: '',
  mesh_ranges: [],
  revision: '',
  left_out: [],
}

export const emptyDesiredState: DesiredState = {
  ...emptyMesh,
  metadata: {},
  data: [],
  secret_refs: [],
}

/** The one desired state of the node, kept on disk. Events and pulls both end in `replace`. */
export interface DesiredStore {
  current(): DesiredState
  /** Grows by one with each change that is visible in metadata, data or secret_refs; starts at 1. */
  index(): number
  /**
   * Resolves when the new state is on disk. Calls are applied one after another. `whole` says that all of it comes from
   * the control plane, and nothing from what was here.
   */
  replace(next: DesiredState, options?: { whole?: boolean }): Promise<void>
  /**
   * Whether the mesh on disk was damaged and no whole state has come since: then nobody knows which peers and policies
   * are missing, and what is in force is better than what is known.
   */
  isMeshLost(): boolean
  /** Called after each change, with what it was before; returns the function that ends it. */
  onChange(listener: (now: DesiredState, before: DesiredState) => void): () => void
}

/** A pulled state with the gaps filled that other control planes leave. */
export function desiredFromPull(state: ReceivedState, etag: string): DesiredState {
  const { peers, policies, data, secret_refs, left_out } = state
  return {
    peers,
    policies,
    signing_keys: state.signing_keys ?? null,
    hostname: state.hostname ?? '',
    mesh_ranges: state.mesh_ranges ?? [],
    metadata: state.metadata ?? {},
    data,
    secret_refs,
    left_out,
    revision: state.revision ?? etag,
  }
}
