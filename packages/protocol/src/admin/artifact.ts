import { type Static, Type } from 'typebox'
import { nullable, Timestamp, WholeNumber } from '../schemas/scalars.ts'

export const Artifact = Type.Object({
  version: Type.String(),
  os: Type.String(),
  arch: Type.String(),
  size: WholeNumber,
  checksum: Type.String({ description: '`sha256:` and hex' }),
  created_at: Timestamp,
  signature: nullable(Type.String(), {
    description:
      'The Ed25519 signature of its release in base64, as uploaded in the header `x-plexd-signature`; nodes verify it',
  }),
})
export type Artifact = Static<typeof Artifact>

/** A build of plexd that was not uploaded, and that an operator vouches for. */
export const BuildName = Type.Object({
  version: Type.String({ minLength: 1, maxLength: 128 }),
  os: Type.String({ minLength: 1, maxLength: 128 }),
  arch: Type.String({ minLength: 1, maxLength: 128 }),
  checksum: Type.String({ minLength: 1, maxLength: 128, description: '`sha256:` and hex' }),
})

/** One, with who did. */
export const TrustedBuild = Type.Interface([BuildName], {
  trusted_by: Type.String({ description: 'The name of the operator' }),
  created_at: Timestamp,
})
export type TrustedBuild = Static<typeof TrustedBuild>
