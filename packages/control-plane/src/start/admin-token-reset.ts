import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { newAdminToken } from '@plexd/protocol'
import { writeFileAtomic } from '@plexd/runtime'
import { revokeOperatorNamed } from '../rows/fleet/operators.ts'
import { readFirstTenant } from '../rows/fleet/tenants.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { claimDataDir } from './data-dir-lock.ts'
import { firstOperator, insertFirstOperator } from './first-start.ts'

/**
 * Recovery when every owner token is lost: write access to the data folder proves ownership. Revokes
 * the first operator's token and creates a new one, in `admin-token` of the data folder; resolves to its path. Throws
 * if a control plane is running on the folder, or none ever has.
 */
export async function resetAdminToken(dataDir: string, nowMs: number): Promise<string> {
  const database = join(dataDir, 'control-plane.db')
  if (!existsSync(database))
    throw new Error(`reset admin token: "${dataDir}" is no data folder of a control plane`)
  using _claim = claimDataDir(dataDir)
  await using store = await openSqliteStore(database)
  const path = join(dataDir, 'admin-token')
  const token = newAdminToken()
  await store.write(async (tx) => {
    const tenantId = await readFirstTenant(tx)
    await revokeOperatorNamed(tx, { tenantId, name: firstOperator, nowMs })
    await insertFirstOperator(tx, { tenantId, token, nowMs })
  })
  await writeFileAtomic(path, `${token}\n`)
  return path
}
