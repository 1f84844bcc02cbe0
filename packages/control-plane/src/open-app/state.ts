import type { Environment } from '../app.ts'
import { createChange } from '../change.ts'
import { createNodeEntries } from '../entries/node-entries.ts'
import { openDelivery } from '../events/delivery.ts'
import { loadHeads } from '../events/heads.ts'
import { openAnnouncing } from '../installation/announcing.ts'
import { openHeeds } from '../installation/heeds.ts'
import { createCommitLog } from '../log/log.ts'
import { createNodeMemory } from '../presence/node-memory.ts'
import { openSeals } from '../rotation/seals.ts'
import { loadFleet } from '../rows/fleet/load-fleet.ts'
import { readLastSeen } from '../rows/fleet/node-lookups.ts'
import { settleFirstTenant } from '../rows/fleet/tenants.ts'
import type { KeptMasterKey } from '../seal/master-key.ts'
import type { Store } from '../store/db.ts'

/** The committed state with its log, what is known of each node in memory, and how nodes are told of both. */
export async function openState(
  { life, config, metrics, clock, log }: Environment,
  { store, masterKey }: { store: Store; masterKey: KeptMasterKey },
) {
  const { reader } = store
  const firstTenantId = await settleFirstTenant(store)
  const fleet = await loadFleet(reader, clock.now())
  const draft = await loadFleet(reader, clock.now())
  const nodes = Array.from(fleet.allNodes(), ({ no }) => no)
  const heads = await loadHeads(reader, { life, nodes })
  const commits = createCommitLog({ lastSeq: heads.last(), life })
  const change = createChange({ store, draft, log: commits, now: clock.now })
  const entries = createNodeEntries(reader, config.limits)
  const memory = createNodeMemory(config, { fleet, clock, log })
  for (const { no, last_seen_at } of await readLastSeen(reader))
    memory.presence.expect(no, last_seen_at)
  const seals = await openSeals({ store, change, masterKey, log })
  const state = { store, fleet, change, firstTenantId, entries, ...memory, ...seals }
  const onDelivered = metrics.delivered
  const delivery = await openDelivery({ ...state, commits, heads, clock, log, onDelivered })
  const announcing = await openAnnouncing(reader, delivery.keyring)
  const heeds = await openHeeds(store, { fleet, now: clock.now })
  return { ...state, ...delivery, announcing, heeds }
}
