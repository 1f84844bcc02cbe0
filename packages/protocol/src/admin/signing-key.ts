import { type Static, Type } from 'typebox'
import { nullable, Timestamp } from '../schemas/scalars.ts'

/** Nodes accept the previous key beside the current one until it expires. */
export const SigningKey = Type.Object({
  id: Type.String(),
  public_key: Type.String(),
  state: Type.Enum(['current', 'previous', 'retired']),
  created_at: Timestamp,
  expires_at: nullable(Timestamp),
})
export type SigningKey = Static<typeof SigningKey>
