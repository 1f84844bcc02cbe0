import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  formatCidr,
  isPrivateRange,
  newAdminToken,
  newId,
  type PolicyRule,
  parseCidr,
} from '@plexd/protocol'
import { createFileAtomic, type Log, systemClock } from '@plexd/runtime'
import { tokenHash } from '../access/auth.ts'
import type { Config } from '../config/config.ts'
import { newEpoch } from '../log/position.ts'
import type { PolicyRecord } from '../mesh/fleet.ts'
import { catchAllName, catchAllPosition } from '../mesh/policies/order.ts'
import { readPools } from '../rows/fleet/mesh-ranges.ts'
import { insertOperator } from '../rows/fleet/operators.ts'
import { insertPolicy } from '../rows/fleet/policies.ts'
import { hasTenant, insertTenant, readFirstTenant } from '../rows/fleet/tenants.ts'
import { readSetting, writeSetting } from '../rows/settings.ts'
import type { Reader, Store, Tx } from '../store/db.ts'

/** The initial policy of a new tenant, editable; it makes a mesh work before anybody has written a rule. */
const allowAll: PolicyRule[] = [{ from: '*', to: '*', action: 'allow' }]

/** The name of the first owner. */
export const firstOperator = 'admin'

/**
 * Creates what an empty installation needs: the epoch of its event log, a tenant `default` with the policy `allow-all`
 * and an owner, whose token is in `admin-token` of the data folder. May be interrupted and repeated.
 */
export async function prepareInstallation(
  store: Store,
  { dataDir, meshCidr, nowMs }: { dataDir: string; meshCidr: string; nowMs: number },
): Promise<void> {
  if (await hasTenant(store.reader)) return
  const path = join(dataDir, 'admin-token')
  // The file first: if only the token's hash were stored, nobody could log in.
  await createFileAtomic(path, `${newAdminToken()}\n`)
  const token = (await readFile(path, 'utf8')).trim()
  await store.write(async (tx) => {
    if ((await readSetting(tx, 'epoch')) === undefined)
      await writeSetting(tx, 'epoch', newEpoch(systemClock.now()))
    const id = newId('tenant')
    await insertTenant(tx, { id, name: 'default', range: parseCidr(meshCidr) }, nowMs)
    await insertPolicy(tx, catchAll(id), nowMs)
    await insertFirstOperator(tx, { tenantId: id, token, nowMs })
  })
}

/** Creates the first owner. */
export async function insertFirstOperator(
  tx: Tx,
  { tenantId, token, nowMs }: { tenantId: string; token: string; nowMs: number },
): Promise<void> {
  const operator = {
    id: newId('token'),
    tenant_id: tenantId,
    name: firstOperator,
    role: 'owner',
    token_hash: tokenHash(token),
  } as const
  await insertOperator(tx, operator, nowMs)
}

/**
 * Throws if the configured range is not one of the installation's, because nodes already have addresses. Warns about
 * public addresses.
 */
export async function checkMeshRange(
  reader: Reader,
  { meshCidr }: Pick<Config, 'meshCidr'>,
  log: Log,
): Promise<void> {
  const tenantId = await readFirstTenant(reader)
  const ranges = (await readPools(reader, tenantId)).map(({ range }) => range)
  const texts = ranges.map(formatCidr)
  if (meshCidr !== undefined && !texts.includes(meshCidr))
    throw new Error(
      `start with mesh_cidr "${meshCidr}": the mesh of this installation is ${texts.map((text) => `"${text}"`).join(' and ')}: leave the setting out and add the range with "plexctl mesh range add", or start anew with another --data-dir`,
    )
  for (const range of ranges.filter((own) => !isPrivateRange(own)))
    log.warn('mesh range has public addresses, nodes will not reach the hosts that own them', {
      mesh_cidr: formatCidr(range),
    })
}

function catchAll(tenant_id: string): PolicyRecord {
  return {
    id: newId('policy'),
    tenant_id,
    name: catchAllName,
    revision: 1,
    position: catchAllPosition,
    rules: allowAll,
  }
}
