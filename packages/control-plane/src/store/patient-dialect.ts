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
 * SQLite with other processes on the same file: statements wait for their locks without blocking. Transactions
 * take the write lock when they begin, so that no later statement can fail because of it.
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
