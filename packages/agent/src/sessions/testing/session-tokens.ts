import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { SessionClaims, SessionSetup, SigningKeys } from '@plexd/protocol'
import { SignJWT } from 'jose'
import type { SetupPayload } from '../authorise.ts'

/** A control plane that signs session tokens. */
export interface TokenSigner {
  privateKey: KeyObject
  publicKey: KeyObject
  keys: SigningKeys
  sign(claims: Partial<SessionClaims>): Promise<string>
}

export const nodeId = 'n_test'

export function aClaims(changes: Partial<SessionClaims> = {}): SessionClaims {
  const iat = Math.floor(Date.now() / 1_000)
  return {
    iss: 'plexsphere',
    sub: 'op_1',
    email: 'ada@example.com',
    name: 'ada',
    node_id: nodeId,
    session_id: 'sess_1',
    actions: ['diagnostics.*', 'hooks/backup'],
    login: 'deploy',
    forward: [],
    shell: true,
    recorded: false,
    iat,
    exp: iat + 3_600,
    ...changes,
  }
}

export function createTokenSigner(): TokenSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return {
    privateKey,
    publicKey,
    keys: { current: Buffer.from(x, 'base64url').toString('base64') },
    sign: (claims) => signToken(claims, privateKey),
  }
}

export function signToken(
  claims: Partial<SessionClaims>,
  privateKey: CryptoKey | KeyObject,
): Promise<string> {
  return new SignJWT({ ...aClaims(claims) })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' })
    .sign(privateKey)
}

/** A JWT with any header, whose signature is made from its first two parts. */
export function forgeToken(
  header: Record<string, unknown>,
  claims: unknown,
  signatureOf: (text: string) => Buffer,
): string {
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${signatureOf(text).toString('base64url')}`
}

const clientKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHNxI/OyzrUi+MczpDszc5Apfny+NcScHaqpTALGLITS'

/** What the control plane sends for these claims. */
export async function aSetup(
  signer: Pick<TokenSigner, 'sign'>,
  claims: Partial<SessionClaims> = {},
  setup: Partial<SessionSetup> = {},
): Promise<SetupPayload> {
  const { session_id, sub, email, exp } = aClaims(claims)
  return {
    session_id,
    session_token: await signer.sign(claims),
    authorized_key: clientKey,
    expires_at: new Date(exp * 1_000).toISOString(),
    user_id: sub,
    email,
    kind: 'ssh',
    session: { way: 'relay', idle_timeout: '15m', ...setup },
  }
}
