import { ApiError, controlApi } from '@plexd/protocol'
import type { Seals, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { sealForNode } from '../../seal/node-secrets.ts'
import { placeOf } from '../../seal/places.ts'
import { open } from '../../seal/seal.ts'

/** The value is sealed with a fresh nonce for each request, so no two answers are equal. */
export const getSecret = handle(
  controlApi.getSecret,
  async ({ params, principal }, app: State & Seals) => {
    const secret = await app.sealedSecrets.find(principal, params.key)
    if (secret === undefined) throw new ApiError('not_found', `there is no secret "${params.key}"`)
    if (secret === 'forbidden')
      throw new ApiError('forbidden', `secret "${params.key}" is not for this node`)
    // Read it again: by this very call the node may have activated its next NSK.
    const nsk = await app.sealedSecrets.nskOf(app.fleet.node(principal.id) ?? principal)
    if (nsk === undefined) throw new ApiError('unauthorized', 'unauthorized') // removed concurrently
    const value = open(app.masterKey, secret.value_sealed, placeOf.secret(secret))
    return { key: secret.key, version: secret.version, ...sealForNode(nsk, value) }
  },
)
