import { ApiError } from '@plexd/protocol'
import type { FastifyRequest } from 'fastify'
import { bearerToken, tokenHash } from '../access/auth.ts'
import type { Environment, State } from '../app.ts'
import { encodingOf } from '../http/bodies/content-encoding.ts'
import { readTokenByHash } from '../rows/bootstrap-tokens.ts'

/**
 * Bodies of unauthenticated clients are not decompressed. A registration may be compressed if a usable bootstrap token is
 * also in the Authorization header. Throws an ApiError: 401, or 415 for another encoding.
 */
export async function admitPacked(
  app: State & Environment,
  request: FastifyRequest,
): Promise<undefined> {
  if (encodingOf(request) === 'identity') return
  if (!(await isLive(app, bearerToken(request))))
    throw new ApiError('unauthorized', 'invalid, expired or already used bootstrap token')
}

/** A used token counts as usable: its first answer may have been lost, and is repeated. */
async function isLive({ store, clock }: State & Environment, token: string): Promise<boolean> {
  const row = await readTokenByHash(store.reader, tokenHash(token))
  if (!row || row.revoked_at !== null) return false
  return row.answer_sealed !== null || (row.used_at === null && row.expires_at > clock.now())
}
