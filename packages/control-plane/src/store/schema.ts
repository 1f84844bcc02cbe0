import type { Selectable } from 'kysely'
import type { AccessTables } from './tables/access.ts'
import type { AlertTables } from './tables/alerts.ts'
import type { BuildTables } from './tables/builds.ts'
import type { EntryTables } from './tables/entries.ts'
import type { ExecutionTables } from './tables/executions.ts'
import type { ForwardTables } from './tables/forwards.ts'
import type { InstallationTables } from './tables/installation.ts'
import type { LogTables } from './tables/log.ts'
import type { NodeTables } from './tables/nodes.ts'
import type { SessionTables } from './tables/sessions.ts'

/**
 * The tables, as the migrations make them. Times are milliseconds since 1970, JSON and sealed values are text,
 * booleans are 0 and 1: the same on SQLite and PostgreSQL.
 */
export interface Tables
  extends InstallationTables,
    AccessTables,
    NodeTables,
    EntryTables,
    ExecutionTables,
    SessionTables,
    LogTables,
    AlertTables,
    BuildTables,
    ForwardTables {}

/** A row as it is read. */
export type Row<Table extends keyof Tables> = Selectable<Tables[Table]>
