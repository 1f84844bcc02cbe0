import { X509Certificate } from 'node:crypto'
import type { Authority, AuthorityStatus } from '@plexd/protocol'
import { fingerprintOf } from '@plexd/runtime'
import type { Environment, Installation, Seals, State } from '../../app.ts'
import { oursOf } from '../../installation/announcing.ts'
import { aheadOf, behindOf } from '../../installation/behind.ts'
import { type Obstacles, type Stage, stageOf } from '../../installation/stage.ts'
import { readAuthorities, type StoredAuthority } from '../../rows/authorities.ts'
import { readUnusedTokens } from '../../rows/bootstrap-tokens.ts'
import { timestamp } from '../wire/timestamps.ts'

type Needs = State & Seals & Installation & Environment

const maxShown = 100

/** Of the nodes and tokens of one tenant: others are not its business. */
export async function readStatus(app: Needs, tenantId: string): Promise<AuthorityStatus> {
  const stored = await readAuthorities(app.store.reader)
  const authorities = await viewsOf(app, stored)
  const stage = stageOf(stored)
  const noEffect = app.noAuthority()
  const inUse = noEffect === undefined ? stored : []
  const behind = await readBehind(app, { stored: inUse, nodes: app.fleet.nodes(tenantId) })
  const ahead = aheadOf(app.fleet.nodes(tenantId), oursOf(app), app.heeds.of)
  const tokens = await readOlderTokens(app, inUse)
  return {
    stage,
    authorities,
    nodes: app.fleet.nodeCount(tenantId),
    behind: behind.slice(0, maxShown),
    behind_count: behind.length,
    ahead: ahead.slice(0, maxShown),
    ahead_count: ahead.length,
    joins: tokens
      .filter(({ tenant_id }) => tenant_id === tenantId)
      .slice(0, maxShown)
      .map(({ id, hostname, expires_at }) => ({
        token_id: id,
        hostname,
        expires_at: timestamp(expires_at),
      })),
    next_step: noEffect === undefined ? nextSteps[stage] : '',
    ...(noEffect === undefined ? {} : { no_effect: noEffect }),
  }
}

const nextSteps: Record<Stage, string> = {
  settled: '',
  prepared: 'plexctl authority activate',
  activated: 'plexctl authority retire',
}

/** Of all tenants, as all have the same authority. */
export async function obstaclesOf(app: Needs): Promise<Pick<Obstacles, 'behind' | 'joins'>> {
  const stored = await readAuthorities(app.store.reader)
  const tokens = await readOlderTokens(app, stored)
  return {
    behind: await readBehind(app, { stored, nodes: app.fleet.allNodes() }),
    joins: tokens.map(({ id, expires_at }) => ({ id, expires_at: timestamp(expires_at) })),
  }
}

/** The newest: the one that all have to trust in the end. */
async function readBehind(
  app: Needs,
  {
    stored,
    nodes,
  }: { stored: readonly StoredAuthority[]; nodes: ReturnType<Needs['fleet']['allNodes']> },
) {
  const of = (wanted: string) => stored.find(({ state }) => state === wanted)
  const newest = of('next') ?? of('current')
  if (!newest || stored.length < 2) return []
  const fingerprint = fingerprintOf(newest.certificate)
  return behindOf(nodes, { fingerprint, ...oursOf(app) }, app.heeds.of)
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
