import { ApiError } from '@plexd/protocol'
import type { FastifyRequest } from 'fastify'
import { bearerToken, tokenHash } from '../access/auth.ts'
import type { App } from '../app.ts'
import { encodingOf } from '../http/bodies/content-encoding.ts'
import { readTokenByHash } from '../rows/bootstrap-tokens.ts'

/**
 * Nothing is unpacked for strangers: a registration may be packed when its bootstrap token stands in the Authorization
 * header as well and could be used. Throws an ApiError: 401, or 415 for another encoding.
 */
export async function admitPacked(app: App, request: FastifyRequest): Promise<undefined> {
  if (encodingOf(request) === 'identity') return
  if (!(await isLive(app, bearerToken(request))))
    throw new ApiError('unauthorized', 'invalid, expired or already used bootstrap token')
}

/** Not used up: the answer to a first use may have been lost, and is given again. */
async function isLive({ store, clock }: App, token: string): Promise<boolean> {
  const row = await readTokenByHash(store.reader, tokenHash(token))
  if (!row || row.revoked_at !== null) return false
  return row.answer_sealed !== null || (row.used_at === null && row.expires_at > clock.now())
}
