import { X509Certificate } from 'node:crypto'
import type { Authority, AuthorityStatus } from '@plexd/protocol'
import { fingerprintOf } from '@plexd/runtime'
import type { Environment, Installation, Seals, State } from '../../app.ts'
import { lastAnnounced } from '../../installation/announcing.ts'
import { aheadOf, type Behind, behindOf, firstOf } from '../../installation/behind.ts'
import { type Stage, stageOf } from '../../installation/stage.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { readAuthorities, type StoredAuthority } from '../../rows/authorities.ts'
import { readUnusedTokens } from '../../rows/bootstrap-tokens.ts'
import { timestamp } from '../wire/timestamps.ts'

type Needs = State & Seals & Installation & Environment

const maxShown = 100

/** Of the nodes and tokens of one tenant: others are not its business, but that they stand against a step. */
export async function readStatus(app: Needs, tenantId: string): Promise<AuthorityStatus> {
  const stored = await readAuthorities(app.store.reader)
  const authorities = await viewsOf(app, stored)
  const stage = stageOf(stored)
  const noEffect = app.noAuthority()
  const { behind, joins, elsewhere } = await readObstacles(app, tenantId, noEffect ? [] : stored)
  const counts = { behind_count: elsewhere.behind, joins_count: elsewhere.joins }
  const isTold = tenantId === app.firstTenantId && elsewhere.behind + elsewhere.joins > 0
  return {
    stage,
    authorities,
    nodes: app.fleet.nodeCount(tenantId),
    ...firstOf('behind', behind),
    ...firstOf('ahead', aheadOf(app.fleet.nodes(tenantId), lastAnnounced(app), app.heeds.of)),
    joins: joins
      .slice(0, maxShown)
      .map(({ id, hostname, expires_at }) => ({ token_id: id, hostname, expires_at })),
    ...(isTold ? { elsewhere: counts } : {}),
    next_step: noEffect === undefined ? nextSteps[stage] : '',
    ...(noEffect === undefined ? {} : { no_effect: noEffect }),
  }
}

const nextSteps: Record<Stage, string> = {
  settled: '',
  prepared: 'plexctl authority activate',
  activated: 'plexctl authority retire',
}

/** Of all tenants, as all have the same authority; by name those of one. */
export async function readObstacles(
  app: Needs,
  tenantId: string,
  stored?: readonly StoredAuthority[],
) {
  const authorities = stored ?? (await readAuthorities(app.store.reader))
  const tokens = await readOlderTokens(app, authorities)
  const joins = tokens
    .filter(({ tenant_id }) => tenant_id === tenantId)
    .map(({ id, hostname, expires_at }) => ({ id, hostname, expires_at: timestamp(expires_at) }))
  const behind = readBehind(app, authorities, app.fleet.nodes(tenantId))
  const ofAll = readBehind(app, authorities, app.fleet.allNodes())
  const elsewhere = {
    behind: ofAll.length - behind.length,
    joins: tokens.length - joins.length,
  }
  return { behind, joins, elsewhere }
}

/** The newest: the one that all have to trust in the end. */
function readBehind(
  app: Needs,
  stored: readonly StoredAuthority[],
  nodes: Iterable<NodeRecord>,
): Behind[] {
  const of = (wanted: string) => stored.find(({ state }) => state === wanted)
  const newest = of('next') ?? of('current')
  if (!newest || stored.length < 2) return []
  const fingerprint = fingerprintOf(newest.certificate)
  return behindOf(nodes, { fingerprint, ...lastAnnounced(app) }, app.heeds.of)
}

/** Usable tokens from when the previous authority was the current one. */
async function readOlderTokens({ store, clock }: Needs, stored: readonly StoredAuthority[]) {
  const activatedMs = stored.find(({ state }) => state === 'current')?.activated_at ?? null
  if (activatedMs === null || stageOf(stored) !== 'activated') return []
  return await readUnusedTokens(store.reader, { before: activatedMs, nowMs: clock.now() })
}

async function viewsOf(app: Needs, stored: readonly StoredAuthority[]): Promise<Authority[]> {
  if (stored.length > 0)
    return stored.flatMap(({ certificate, state }) =>
      state === 'retired' ? [] : viewOf(certificate, state),
    )
  const own = await app.ownAuthority()
  return own === undefined ? [] : [viewOf(own.certificate, 'current')]
}

function viewOf(certificate: string, state: Authority['state']): Authority {
  const { validToDate } = new X509Certificate(certificate)
  return {
    fingerprint: fingerprintOf(certificate),
    state,
    expires_at: timestamp(validToDate.getTime()),
    certificate,
  }
}
