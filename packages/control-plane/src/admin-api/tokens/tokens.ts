import {
  ApiError,
  adminApi,
  type BootstrapToken,
  newBootstrapToken,
  newId,
  whyNotSelectable,
} from '@plexd/protocol'
import { tokenHash } from '../../access/auth.ts'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readHostname } from '../../nodes/hostname.ts'
import { checkLabels, warningsOf } from '../../nodes/labels.ts'
import {
  insertToken,
  readTokensAfter,
  revokeToken as revoke,
  type StoredToken,
} from '../../rows/bootstrap-tokens.ts'
import { readDuration } from '../wire/durations.ts'
import { type HostnameOf, readHostnames } from '../wire/hostnames.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { timestamp, timestampOrNull } from '../wire/timestamps.ts'
import { joinString, joinUrl } from './join.ts'

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
    const url = joinUrl(body.url, app)
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
    const join = joinString({ url, token }, app)
    return { ...bootstrapTokenView(stored, () => ''), token, join, warnings: warningsOf(labels) }
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

/** Without revoked tokens. Used and expired ones are included, because they show how nodes were enrolled. */
export const listTokens = handle(
  adminApi.listTokens,
  async ({ principal, query }, app: State & Environment) => {
    const [createdAt, id] = cursorOf(query, [0, '']) ?? [0, '']
    const { tenant_id: tenantId } = principal
    const page = await readTokensAfter(
      app.store.reader,
      { tenantId, createdAt: Number(createdAt), id: String(id) },
      boundsOf(query, app.config),
    )
    const ids = page.rows.map(({ node_id }) => node_id)
    const hostnameOf = await readHostnames(app, { tenantId, ids })
    return {
      items: page.rows.map((row) => bootstrapTokenView(row, hostnameOf)),
      next: nextOf(page, (row) => [row.created_at, row.id]),
    }
  },
)

/** A node that has already registered with it is not affected. */
export const revokeToken = handle(
  adminApi.revokeToken,
  async ({ principal, params }, app: State & Environment) => {
    const token = { id: params.token_id, tenantId: principal.tenant_id }
    const isRevoked = await app.store.write((tx) =>
      revoke(tx, { ...token, nowMs: app.clock.now() }),
    )
    if (!isRevoked) throw new ApiError('not_found', `there is no token "${params.token_id}"`)
    return {}
  },
)

/** A bootstrap token without the token. */
function bootstrapTokenView(row: StoredToken, hostnameOf: HostnameOf): BootstrapToken {
  return {
    id: row.id,
    hostname: row.hostname,
    metadata: row.metadata,
    node_may_set: row.node_may_set,
    nsk_format: row.nsk_format,
    created_at: timestamp(row.created_at),
    expires_at: timestamp(row.expires_at),
    used_at: timestampOrNull(row.used_at),
    node_id: row.node_id,
    node_hostname: row.node_id === null ? null : hostnameOf(row.node_id),
  }
}
