import { type Static, Type } from 'typebox'
import { CompiledPolicy } from '../policies/policy.ts'
import {
  EntryKey,
  Key32,
  MeshIp,
  MeshRanges,
  Metadata,
  NodeId,
  nullableArray,
  Timestamp,
  WholeNumber,
} from '../schemas/scalars.ts'
import { SignedAnnouncement } from './announcement.ts'
import { Peer } from './peer.ts'

/** A data entry, and the base of a report entry: a JSON payload with a version that grows with each change. */
export const Entry = Type.Object({
  key: EntryKey,
  content_type: Type.String(),
  payload: Type.Unknown(),
  version: WholeNumber,
  updated_at: Timestamp,
})
export type Entry = Static<typeof Entry>

/** Our extension: the uid of the writer, or `tcp`, where all holders of the token are the same; absent if unknown. */
export const ReportWriter = Type.String({ pattern: '^(?:tcp|[0-9]{1,10})$' })

/** A report entry with its writer, as the node reports it. */
export const ReportEntry = Type.Interface([Entry], { written_by: Type.Optional(ReportWriter) })
export type ReportEntry = Static<typeof ReportEntry>

export const SecretRef = Type.Object({ key: EntryKey, version: WholeNumber })
export type SecretRef = Static<typeof SecretRef>

export const SigningKeys = Type.Object({
  current: Key32,
  previous: Type.Optional(Type.Union([Key32, Type.Null()])),
  transition_expires: Type.Optional(Type.Union([Timestamp, Type.Null()])),
})
export type SigningKeys = Static<typeof SigningKeys>

/** The desired state of a node. The fields from `node_id` on are our extension; clients ignore unknown fields. */
export const NodeState = Type.Object({
  peers: Type.Array(Peer),
  policies: Type.Array(CompiledPolicy),
  signing_keys: SigningKeys,
  metadata: Metadata,
  data: Type.Array(Entry),
  secret_refs: Type.Array(SecretRef),
  node_id: Type.Optional(NodeId),
  hostname: Type.Optional(Type.String({ description: 'Its own, which operators may change' })),
  mesh_ip: Type.Optional(MeshIp),
  mesh_ranges: Type.Optional(MeshRanges),
  revision: Type.Optional(
    Type.String({ description: 'The same text as the ETag, without its quotes' }),
  ),
  announcement: Type.Optional(SignedAnnouncement),
})
export type NodeState = Static<typeof NodeState>

/** What a node accepts from any control plane: lists may be null, and older servers omit fields. */
export const ReceivedNodeState = Type.Object({
  peers: Type.Optional(nullableArray(Peer)),
  policies: Type.Optional(nullableArray(CompiledPolicy)),
  signing_keys: Type.Optional(Type.Union([SigningKeys, Type.Null()])),
  metadata: Type.Optional(Type.Union([Metadata, Type.Null()])),
  data: Type.Optional(nullableArray(Entry)),
  secret_refs: Type.Optional(nullableArray(SecretRef)),
  node_id: Type.Optional(NodeId),
  hostname: Type.Optional(Type.String()),
  mesh_ip: Type.Optional(MeshIp),
  mesh_ranges: Type.Optional(Type.Union([MeshRanges, Type.Null()])),
  revision: Type.Optional(Type.String()),
  // Looked at apart from the rest, which does not depend on it.
  announcement: Type.Optional(Type.Unknown()),
})
export type ReceivedNodeState = Static<typeof ReceivedNodeState>

export const DriftReport = Type.Object({
  timestamp: Timestamp,
  corrections: nullableArray(Type.Object({ type: Type.String(), detail: Type.String() })),
})
export type DriftReport = Static<typeof DriftReport>

/** AES-256-GCM under the node secret key: 12-byte nonce, 16-byte tag at the end of the ciphertext, no AAD. */
export const SealedSecret = Type.Object({
  key: EntryKey,
  ciphertext: Type.String(),
  nonce: Type.String(),
  version: WholeNumber,
})
export type SealedSecret = Static<typeof SealedSecret>

/** Entries in the order they were written; a key may occur more than once, and in `deleted` too. */
export const ReportSync = Type.Object({
  entries: Type.Optional(nullableArray(ReportEntry)),
  deleted: Type.Optional(nullableArray(EntryKey)),
})
export type ReportSync = Static<typeof ReportSync>
