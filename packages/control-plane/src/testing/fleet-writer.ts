import { dirname } from 'node:path'
import { newId } from '@plexd/protocol'
import { type Change, createChange, type Unit } from '../change.ts'
import { addNode, changeNode, dropNode } from '../changes/nodes.ts'
import { changePolicy } from '../changes/policies.ts'
import { type Heads, loadHeads } from '../events/heads.ts'
import { createCommitLog } from '../log/log.ts'
import { newLifeId } from '../log/position.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import { renewPsks } from '../rotation/psks.ts'
import { putEntry } from '../rows/entries.ts'
import { followFleet, loadFleet } from '../rows/fleet/load-fleet.ts'
import {
  isOperator,
  putOperator,
  readShownOperators,
  revokeOperator,
} from '../rows/fleet/operators.ts'
import { readFirstTenant } from '../rows/fleet/tenants.ts'
import { trimLog } from '../rows/log/log.ts'
import { readSetting } from '../rows/settings.ts'
import { prepareInstallation } from '../start/first-start.ts'
import type { Reader } from '../store/db.ts'
import { openPostgresStore } from '../store/postgres/postgres.ts'
import { openSqliteStore } from '../store/sqlite.ts'

/** Something that happens to a fleet; `of` chooses among what is there. */
export interface FleetStep {
  kind: (typeof stepKinds)[number]
  of: number
  /** Whether it is taken back in the end. */
  fails: boolean
}

export const stepKinds = [
  'add',
  'add',
  'rename',
  'rekey',
  'other token',
  'label',
  'move',
  'remove',
  'put policy',
  'delete policy',
  'put operator',
  'revoke operator',
  'renew PSKs',
  'put entry',
  'trim',
] as const

/** What changes a fleet, without all else that a control plane does. */
export interface FleetWriter extends AsyncDisposable {
  readonly fleet: Fleet
  readonly heads: Heads
  take(step: FleetStep): Promise<void>
}

/** `place`: the path of a database of SQLite, or the URL of one of PostgreSQL. The admin token goes to `dataDir`. */
export async function openFleetWriter(
  place: string,
  dataDir = dirname(place),
): Promise<FleetWriter> {
  const isPostgres = place.startsWith('postgres://')
  const store = await (isPostgres ? openPostgresStore({ url: place }) : openSqliteStore(place))
  const nowMs = Date.now()
  await prepareInstallation(store, { dataDir, meshCidr: '10.100.0.0/16', nowMs })
  const { fleet, heads } = await loadAll(store.reader)
  const commits = createCommitLog({ lastSeq: heads.last(), life: newLifeId() })
  commits.follow(followFleet(fleet))
  commits.follow(heads.follow)
  const draft = await loadFleet(store.reader, nowMs)
  const change = createChange({ store, draft, log: commits, now: Date.now })
  return {
    fleet,
    heads,
    take: (step) => take(change, step, heads),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

/** As who begins to follow does: the place in the log first, so that what comes meanwhile is read once more. */
export async function loadAll(reader: Reader) {
  const heads = await loadHeads(reader, { life: '', nodes: [] })
  return { heads, fleet: await loadFleet(reader, Date.now()) }
}

async function take(change: Change, { kind, of, fails }: FleetStep, heads: Heads): Promise<void> {
  const changed = change(async (unit) => {
    await steps[kind](unit, of, await readFirstTenant(unit.tx), heads.last())
    if (fails) throw changedItsMind
  })
  await changed.catch((error: unknown) => {
    if (error !== changedItsMind) throw error
  })
}

const changedItsMind = new Error('changed its mind')

/** So few that they come back. */
const names = 6

const steps: Record<
  FleetStep['kind'],
  (unit: Unit, of: number, tenantId: string, lastSeq: number) => Promise<unknown>
> = {
  async add(unit, of, tenant_id) {
    const taken = [...unit.fleet.allNodes()]
    const hostname = `host-${of % names}`
    if (taken.some((node) => node.hostname === hostname || isAt(node, of))) return
    const id = newId('node')
    await addNode(unit, {
      id,
      tenant_id,
      hostname,
      mesh_ip: `10.100.0.${1 + (of % 20)}`,
      public_key: `key of ${id}`,
      token_hash: `token of ${id}`,
      nsk_hash: `nsk of ${id}`,
      nsk_sealed: '',
      nsk_format: 'base64',
      labels: {},
      reported: {},
      capabilities: null,
      user_agent: '',
    })
  },
  async rename(unit, of, tenantId) {
    const hostname = `host-${(of >> 3) % names}`
    if (unit.fleet.nodesByHostname(tenantId, hostname).length === 0)
      await putOne(unit, of, () => ({ hostname }))
  },
  rekey: (unit, of) =>
    putOne(unit, of, ({ id, key_epoch }) => ({
      public_key: `key ${key_epoch + 1} of ${id}`,
      key_epoch: key_epoch + 1,
    })),
  'other token': (unit, of) =>
    putOne(unit, of, ({ id }) => ({ token_hash: `token ${of} of ${id}`, next_token_hash: null })),
  label: (unit, of) => putOne(unit, of, () => ({ labels: { env: `${of % 3}` } })),
  move: (unit, of) =>
    putOne(unit, of, () => ({ endpoint: `203.0.113.1:${1 + (of % 100)}`, status: 'online' })),
  async remove(unit, of) {
    const node = oneOf(unit, of)
    if (node) await dropNode(unit, node)
  },
  async 'put policy'(unit, of, tenant_id) {
    const name = `policy-${of % 4}`
    const before = unit.fleet.policies(tenant_id).find((policy) => policy.name === name)
    const after = {
      id: before?.id ?? newId('policy'),
      tenant_id,
      name,
      revision: (before?.revision ?? 0) + 1,
      position: 1 + (of % 4),
      rules: [{ from: `env=${of % 3}`, to: '*', action: 'allow' as const }],
    }
    await changePolicy(unit, { ...(before ? { before } : {}), after })
  },
  async 'delete policy'(unit, of, tenantId) {
    const policies = unit.fleet.policies(tenantId)
    const before = policies[of % policies.length]
    if (before) await changePolicy(unit, { before })
  },
  async 'put operator'(unit, of, tenant_id) {
    const name = `operator-${of % names}`
    if (await isOperator(unit.tx, tenant_id, name)) return
    const id = newId('token')
    await putOperator(unit, { id, tenant_id, name, role: 'viewer', token_hash: `hash of ${id}` })
  },
  async 'revoke operator'(unit, of, tenantId) {
    const operators = await readShownOperators(unit.tx, tenantId)
    const operator = operators[of % operators.length]
    if (operator) await revokeOperator(unit, operator.id)
  },
  'renew PSKs': (unit, _, tenantId) => renewPsks(unit, tenantId),
  'put entry': (unit, of, tenant_id) =>
    putEntry(unit, 'data', {
      id: `ent_${of % 3}`,
      tenant_id,
      key: `key-${of % 3}`,
      target: 'selector:*',
      version: of,
      updated_at: unit.nowMs,
      content_type: 'text/plain',
      payload: `${of}`,
    }),
  async trim(unit, of, _, lastSeq) {
    const through = Number((await readSetting(unit.tx, 'events_pruned_through')) ?? 0)
    await trimLog(unit, Math.max(through, lastSeq - (of % 10)))
  },
}

async function putOne(
  unit: Unit,
  of: number,
  differ: (node: NodeRecord) => Partial<NodeRecord>,
): Promise<void> {
  const node = oneOf(unit, of)
  if (node) await changeNode(unit, { ...node, ...differ(node) })
}

function oneOf({ fleet }: Unit, of: number): NodeRecord | undefined {
  const nodes = [...fleet.allNodes()]
  return nodes[of % nodes.length]
}

function isAt({ mesh_ip }: NodeRecord, of: number): boolean {
  return mesh_ip === `10.100.0.${1 + (of % 20)}`
}
