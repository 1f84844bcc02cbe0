import {
  importVerifyKey,
  SessionClaims,
  type SigningKeys,
  schemaFault,
  validatorOf,
} from '@plexd/protocol'
import { type Clock, describeError } from '@plexd/runtime'
import { usableKeys } from '../../control/stream/event-verifier.ts'
import { SessionRefusal } from './refusal.ts'

export interface TokenVerifierDeps {
  /** Those that verify events too. */
  keys(): SigningKeys
  nodeId: string
  clock: Pick<Clock, 'now'>
}

/** Resolves to the claims; rejects with a SessionRefusal. */
export type VerifyToken = (token: string) => Promise<SessionClaims>

/** How far the clock of the control plane may be ahead of ours, as for events. */
const aheadMs = 5 * 60_000

const maxTokenCharacters = 16 * 1024

/** Session tokens of our control plane that are for this node and have not expired. */
export function createTokenVerifier({ keys, nodeId, clock }: TokenVerifierDeps): VerifyToken {
  async function payloadOf(token: string): Promise<unknown> {
    // Most nodes see no token for days, and it takes megabytes.
    const { errors, jwtVerify } = await import('jose')
    const currentDate = new Date(clock.now())
    let refusal: SessionRefusal | undefined
    for (const base64 of usableKeys(keys(), clock.now())) {
      try {
        const key = await importVerifyKey(base64)
        // The only algorithm: by the header, a public key could be used as the secret of a MAC.
        return (await jwtVerify(token, key, { algorithms: ['EdDSA'], currentDate })).payload
      } catch (error) {
        refusal = new SessionRefusal(describeFault(error, { errors }))
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) break
      }
    }
    throw refusal ?? new SessionRefusal('the control plane has no signing key')
  }

  return async (token) => {
    if (token.length > maxTokenCharacters)
      throw new SessionRefusal(`the session token is longer than ${maxTokenCharacters} characters`)
    const claims = readClaims(await payloadOf(token))
    if (claims.node_id !== nodeId)
      throw new SessionRefusal(`the session token is for node "${claims.node_id}", not this one`)
    if (claims.iat * 1_000 > clock.now() + aheadMs)
      throw new SessionRefusal('the session token is from the future: look at the clock')
    return claims
  }
}

const sessionClaims = validatorOf(SessionClaims)

function readClaims(value: unknown): SessionClaims {
  const schema = sessionClaims()
  if (schema.Check(value)) return value
  const fault = schemaFault(schema.Errors(value), { whole: 'the session token', value })
  throw new SessionRefusal(`the session token does not say what it must: ${fault}`)
}

function describeFault(error: unknown, { errors }: Pick<typeof import('jose'), 'errors'>): string {
  if (error instanceof errors.JWTExpired) return 'the session token has expired'
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return 'the session token is not signed by the control plane'
  if (error instanceof errors.JOSEAlgNotAllowed)
    return 'the session token is signed with another algorithm than EdDSA'
  return `the session token cannot be read: ${describeError(error)}`
}
