import { type Kysely, sql } from 'kysely'
import * as init from './migrations/0001-init.ts'
import * as localEndpoints from './migrations/0002-local-endpoints.ts'
import * as pskEpoch from './migrations/0003-psk-epoch.ts'
import * as keyAge from './migrations/0004-key-age.ts'
import * as nextSecrets from './migrations/0005-next-secrets.ts'
import * as entryKeys from './migrations/0006-entry-keys.ts'
import * as endpointUntold from './migrations/0007-endpoint-untold.ts'
import * as labels from './migrations/0008-labels.ts'
import * as lives from './migrations/0009-lives.ts'
import * as reportWriters from './migrations/0010-report-writers.ts'
import * as meshRanges from './migrations/0011-mesh-ranges.ts'
import * as loggedChanges from './migrations/0012-logged-changes.ts'
import * as artifactSignature from './migrations/0013-artifact-signature.ts'
import * as executionQueue from './migrations/0014-execution-queue.ts'
import * as runs from './migrations/0015-runs.ts'
import * as binaries from './migrations/0016-binaries.ts'
import * as endedExecutions from './migrations/0017-ended-executions.ts'
import * as historyByStatus from './migrations/0018-history-by-status.ts'
import * as sessions from './migrations/0019-sessions.ts'
import type { Dialect } from './migrations/dialect.ts'

/** In order; a released migration is never edited, a later one corrects it. */
const migrations = [
  init,
  localEndpoints,
  pskEpoch,
  keyAge,
  nextSecrets,
  entryKeys,
  endpointUntold,
  labels,
  lives,
  reportWriters,
  meshRanges,
  loggedChanges,
  artifactSignature,
  executionQueue,
  runs,
  binaries,
  endedExecutions,
  historyByStatus,
  sessions,
]

/** Brings the schema to the newest version, each step in a transaction. Refuses a database newer than this program. */
export async function migrate(db: Kysely<never>, dialect: Dialect): Promise<void> {
  const untyped = db as unknown as Kysely<{ schema_version: { version: number } }> // before the tables of schema.ts exist
  await sql`create table if not exists schema_version (version bigint not null)`.execute(untyped)
  const row = await untyped.selectFrom('schema_version').select('version').executeTakeFirst()
  const from = row?.version ?? 0
  if (from > migrations.length) {
    throw new Error(
      `open database: its schema has version ${from}, this program knows ${migrations.length}; run the newer program`,
    )
  }
  for (const [index, step] of migrations.entries()) {
    if (index < from) continue
    await untyped.transaction().execute(async (tx) => {
      await step.up(tx as unknown as Kysely<unknown>, dialect) // a migration defines its own tables
      await tx.deleteFrom('schema_version').execute()
      await tx
        .insertInto('schema_version')
        .values({ version: index + 1 })
        .execute()
    })
  }
}
