import type { SessionClaims } from '@plexd/protocol'
import { SignJWT } from 'jose'
import type { StoredSession } from '../rows/sessions.ts'

/** What a node is told of a session under our signature; it allows nothing else. */
export function claimsOf(row: StoredSession, nowMs: number): SessionClaims {
  return {
    iss: 'plexsphere',
    sub: row.operator_id,
    // Operators have none yet.
    email: '',
    name: row.operator_name,
    node_id: row.node_id,
    session_id: row.id,
    actions: row.actions,
    login: row.login,
    forward: row.forward,
    shell: row.shell,
    recorded: row.recorded,
    iat: seconds(nowMs),
    exp: seconds(row.expires_at),
  }
}

/** A JWT (RFC 7519) with EdDSA, which is Ed25519 for our keys. */
export function signSessionToken(claims: SessionClaims, key: CryptoKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' }).sign(key)
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000)
}
