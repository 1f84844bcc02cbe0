import { join } from 'node:path'
import { newAdminToken } from '@plexd/protocol'
import { CliError, type Clock, type Log, writeFileAtomic } from '@plexd/runtime'
import { revokeOperatorNamed } from '../rows/fleet/operators.ts'
import { readFirstTenant } from '../rows/fleet/tenants.ts'
import { claimDatabase, type DatabasePlace, describeDatabase } from '../store/place/database.ts'
import { claimDataDir } from './data-dir-lock.ts'
import { firstOperator, insertFirstOperator } from './first-start.ts'

/**
 * Recovery when every owner token is lost: write access to the data folder proves ownership. Revokes
 * the first operator's token and creates a new one, in `admin-token` of the data folder; resolves to its path. Throws
 * if a control plane is running on the folder, or none ever has.
 */
export async function resetAdminToken(
  place: DatabasePlace,
  { clock, log }: { clock: Clock; log: Log },
): Promise<string> {
  const { dataDir } = place
  await using database = await claimDatabase(place, {
    ...{ clock, log, onWait: refuse, check: async () => {} },
    onLost: (error) => log.error('reset admin token', { error }),
  })
  if (await database.isNew())
    throw new CliError(
      `reset admin token: there is no installation in "${describeDatabase(place)}": name its data folder with --data-dir`,
    )
  using _folder = claimDataDir(dataDir)
  await using store = await database.open()
  const nowMs = clock.now()
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

function refuse(holder: string): never {
  throw new CliError(`reset admin token: ${holder} serves from the database: stop that first`)
}
