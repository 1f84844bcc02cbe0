import { type Static, Type } from 'typebox'
import { EntryKey, NodeId, Timestamp, WholeNumber } from '../schemas/scalars.ts'
import { NodeHostname } from './node.ts'

/** Exactly one of the two: the node, or every node that the label selector matches, now and later. */
export const Target = Type.Object({
  node_id: Type.Optional(NodeId),
  selector: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
})
export type Target = Static<typeof Target>

/** A target in an answer. */
export const NamedTarget = Type.Interface([Target], { node_hostname: Type.Optional(NodeHostname) })
export type NamedTarget = Static<typeof NamedTarget>

/** What a data entry and a secret have in common. */
const EntryHead = Type.Object({
  key: EntryKey,
  target: NamedTarget,
  version: WholeNumber,
  updated_at: Timestamp,
})

export const DataEntry = Type.Interface([EntryHead], {
  content_type: Type.String(),
  payload: Type.Unknown(),
})
export type DataEntry = Static<typeof DataEntry>

/** A secret without its value: no operation gives the value back to an operator. */
export const Secret = Type.Interface([EntryHead], {})
export type Secret = Static<typeof Secret>
