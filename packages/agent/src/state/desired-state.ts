import type { CompiledPolicy, Metadata, Peer, SecretRef, SigningKeys } from '@plexd/protocol'
import type { DataEntry } from './data-entry.ts'
import type { LeftOut } from './left-out.ts'
import type { ReceivedState } from './read-state.ts'

/** The part of the desired state that is only used inside the daemon. */
export interface MeshState {
  readonly peers: readonly Peer[]
  readonly policies: readonly CompiledPolicy[]
  /** Null until the first state or event that names them; the identity has the key of the registration. */
  readonly signing_keys: SigningKeys | null
  /** This node's hostname; empty if the control plane does not send it. */
  readonly hostname: string
  /** All ranges of the mesh (CIDR); empty if the control plane does not send them. */
  readonly mesh_ranges: readonly string[]
  /**
   * SSE id (`<epoch>-<sequence>`) of the last folded event, or revision of the last pulled state, whichever is
   * later. The control plane uses the same ids for both, so it is the ETag of a conditional pull. Empty: pull unconditionally.
   */
  readonly revision: string
  /** The invalid data and secret entries that were left out. */
  readonly left_out: readonly LeftOut[]
}

/** The desired state of this node. Immutable: a change is a new object, in which unchanged parts are the same objects. */
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

/** The node's one desired state, stored on disk. Events and pulls both end in `replace`. */
export interface DesiredStore {
  current(): DesiredState
  /** Grows by one with each change that is visible in metadata, data or secret_refs; starts at 1. */
  index(): number
  /**
   * Resolves when the new state is on disk. Calls are applied in order. `whole` means that everything comes from
   * the control plane, and nothing from the previous state.
   */
  replace(next: DesiredState, options?: { whole?: boolean }): Promise<void>
  /**
   * Whether the mesh state on disk was damaged and no complete state has been pulled since: then it is unknown which peers and policies
   * are missing, and the rules in force are better than the stored ones.
   */
  isMeshLost(): boolean
  /** Called after each change, with the previous state; returns the function that unsubscribes. */
  onChange(listener: (now: DesiredState, before: DesiredState) => void): () => void
}

/** A pulled state with defaults for fields that other control planes omit. */
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
