import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
} from 'kysely'
import type { Patience } from './patience.ts'

/**
 * SQLite with other processes at the same file: whatever meets a lock of theirs waits for it in turns. Transactions
 * take the lock when they begin, so that nothing of theirs can fail for it later.
 */
export class PatientDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig
  readonly #patience: Patience

  constructor(config: SqliteDialectConfig, patience: Patience) {
    super(config)
    this.#config = config
    this.#patience = patience
  }

  override createDriver(): Driver {
    return new PatientDriver(this.#config, this.#patience)
  }
}

class PatientDriver extends SqliteDriver {
  readonly #patience: Patience
  #connection: DatabaseConnection | undefined

  constructor(config: SqliteDialectConfig, patience: Patience) {
    super(config)
    this.#patience = patience
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.#connection ??= patient(await super.acquireConnection(), this.#patience)
    return this.#connection
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}

function patient(connection: DatabaseConnection, patience: Patience): DatabaseConnection {
  return {
    executeQuery: (query) => patience(() => connection.executeQuery(query)),
    streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
  }
}
