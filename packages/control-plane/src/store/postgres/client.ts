import pg from 'pg'
import { connectErrorOf, storeErrorOf } from './errors.ts'
import { type PostgresPlace, type WayToServer, wayTo } from './place.ts'
import { decodeText, encodeText } from './text.ts'

export interface SessionOptions {
  lockWaitMs: number
  isReadOnly?: boolean
  /** Longest time of a statement, in milliseconds. */
  statementMs?: number
}

/** A transaction whose holder says nothing more is ended by the server, and others write again. */
const idleInTransactionMs = 4_000
/** What the server sends and nobody acknowledges. */
const tcpUserMs = 4_000
const connectMs = 5_000
const longestStatementMs = 15_000
/** Over what the server takes to give a statement up: only a server that is gone is silent for so long. */
const silentMs = 5_000

/** A pool whose sessions have our limits, whatever those of the server are. */
export function openPool(
  place: PostgresPlace,
  max: number,
  options: SessionOptions,
  Client: typeof StoreClient = StoreClient,
): pg.Pool {
  const pool = new StorePool({ ...sessionOf(place, options), max, Client })
  // Whoever uses the connection next is told; without these, an idle one that ends would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => void client.on('error', () => {}))
  return pool
}

/** A session beside the pools, which its user ends. */
export async function openSession(
  place: PostgresPlace,
  options: SessionOptions,
): Promise<pg.Client> {
  const client = new StoreClient(sessionOf(place, options))
  client.on('error', () => {}) // whoever uses it is told
  await client.connect().catch((error: unknown) => {
    throw connectErrorOf(error)
  })
  return client
}

/** Runs `work` in a session of its own, and ends that. */
export async function withSession<T>(
  place: PostgresPlace,
  options: SessionOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await openSession(place, options)
  return work(client).finally(() => client.end())
}

function sessionOf(place: PostgresPlace, options: SessionOptions) {
  const { statementMs = longestStatementMs } = options
  return {
    ...wayTo(place),
    options: settingsOf({ ...options, statementMs }),
    types: { getTypeParser },
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs + silentMs,
    keepAlive: true,
  }
}

function settingsOf({ lockWaitMs, isReadOnly, statementMs }: SessionOptions): string {
  const settings = {
    idle_in_transaction_session_timeout: idleInTransactionMs,
    lock_timeout: lockWaitMs,
    statement_timeout: statementMs,
    tcp_user_timeout: tcpUserMs,
    tcp_keepalives_idle: 5,
    tcp_keepalives_interval: 1,
    tcp_keepalives_count: 5,
    synchronous_commit: 'on',
    standard_conforming_strings: 'on',
    default_transaction_read_only: isReadOnly ? 'on' : 'off',
  }
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')
}

/** Every connection is had from here: where there is none to be had, the error is ours. */
class StorePool extends pg.Pool {
  override connect(): Promise<pg.PoolClient>
  override connect(callback: Parameters<pg.Pool['connect']>[0]): void
  // biome-ignore lint/suspicious/noExplicitAny: of both overloads; Kysely and we use the one with a promise
  override connect(callback?: any): any {
    if (callback) return super.connect(callback)
    return super.connect().catch((error: unknown) => {
      throw connectErrorOf(error)
    })
  }
}

/** Every statement goes through here: texts are encoded, errors are ours, and a connection that does not answer is given up. */
export class StoreClient extends pg.Client {
  constructor(config: pg.ClientConfig & Pick<WayToServer, 'askPassword'> = {}) {
    super(config)
    const { askPassword } = config
    // pg takes a function here, but its types have a text.
    if (askPassword) Object.assign(this, { password: askPassword })
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads of pg, of which the pool and Kysely use (text, values)
  override query(...[text, values]: any[]): any {
    const encoded = values?.map((value: unknown) =>
      typeof value === 'string' ? encodeText(value) : value,
    )
    const asked = super.query(text, encoded) as unknown as Promise<pg.QueryResult>
    return asked.catch((error: Error) => {
      // pg tells the caller, but keeps the connection, on which the answer may still come.
      if (error.message === 'Query read timeout')
        (
          this as unknown as { connection: { stream: { destroy(): void } } }
        ).connection.stream.destroy()
      throw storeErrorOf(error)
    })
  }
}

const { builtins } = pg.types

/** Integers of 64 bits are numbers, and text is decoded. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === builtins.INT8) return parseInteger
  if (oid === builtins.TEXT) return decodeText
  return pg.types.getTypeParser(oid, format as 'text')
}

function parseInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new RangeError(`read "${text}" from the database: it is no safe integer`)
  return value
}
