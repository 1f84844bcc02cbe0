import { ApiError, adminApi, newBootstrapToken, newId, whyNotSelectable } from '@plexd/protocol'
import { tokenHash } from '../../access/auth.ts'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readHostname } from '../../nodes/hostname.ts'
import { checkLabels, warningsOf } from '../../nodes/labels.ts'
import { insertToken } from '../../rows/bootstrap-tokens.ts'
import { readDuration } from '../wire/durations.ts'
import { bootstrapTokenView } from './token-view.ts'

/** Only the hash of the token is stored. */
export const createToken = handle(
  adminApi.createToken,
  async ({ principal, body }, app: State & Environment) => {
    const ttlMs = readDuration(body.ttl ?? '1h', { field: 'ttl', min: '1m', max: '720h' })
    const labels = body.metadata ?? {}
    checkLabels(labels, {}, app.config.limits)
    const nodeMaySet = body.node_may_set ?? []
    checkLabels(Object.fromEntries(nodeMaySet.map((key) => [key, ''])), {}, app.config.limits)
    refuseUnaskable(nodeMaySet)
    const token = newBootstrapToken()
    const nowMs = app.clock.now()
    const created = {
      id: newId('token'),
      tenant_id: principal.tenant_id,
      token_hash: tokenHash(token),
      hostname: body.hostname === undefined ? null : readHostname('hostname', body.hostname),
      metadata: labels,
      node_may_set: nodeMaySet,
      nsk_format: body.nsk_format ?? null,
      created_at: nowMs,
      expires_at: nowMs + ttlMs,
    }
    const stored = await app.store.write((tx) => insertToken(tx, created))
    return { ...bootstrapTokenView(stored, () => ''), token, warnings: warningsOf(labels) }
  },
)

/** Labels that a node may choose are meant for selectors, so a key that no selector can express is a mistake. */
function refuseUnaskable(nodeMaySet: readonly string[]): void {
  for (const key of nodeMaySet) {
    const why = whyNotSelectable(key, '')
    if (why !== undefined)
      throw new ApiError('bad_request', `node_may_set ${JSON.stringify(key.slice(0, 64))}: ${why}`)
  }
}
