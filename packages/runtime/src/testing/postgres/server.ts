import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, globSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../free-port.ts'
import { type CuttableWay, openCuttableWay } from './cuttable-way.ts'

/** Debian's, the newest. */
const initdb = globSync('/usr/lib/postgresql/*/bin/initdb').sort().at(-1)

/** Why tests of PostgreSQL are skipped; false where they are not. */
export const noPostgres =
  initdb === undefined && 'PostgreSQL is not installed: apt-get install postgresql'

export interface TestPostgres extends AsyncDisposable {
  /** Of the server; of the last one, if it was ended. */
  pid(): number
  /** With all that it has. */
  readonly folder: string
  /** A new, empty database: its URL, by the socket. */
  createDatabase(): string
  /** The same database by TCP and TLS, where a password is wanted. */
  overTls(url: string): string
  /** The same database, by a way that cuts a connection at its next commit, once it is armed. */
  cuttable(url: string): Promise<CuttableWay>
  /** Runs SQL in a database by the server's own client. */
  psql(url: string, statement: string): string
  /** `SIGQUIT` when left out: all at once, as in a crash. */
  end(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again after its end. */
  start(): Promise<void>
  /** Ends it and removes all that it has, as long as it takes: for a process that exits. */
  [Symbol.dispose](): void
}

/** Both in PEM. */
export interface TlsFiles {
  certificate: string
  key: string
}

export interface PostgresOptions {
  /** Listens on 127.0.0.1 too, where it wants TLS and a password. */
  tls?: TlsFiles
  /** Whether what it has acknowledged survives a loss of power; that is slower, and no process of a test loses any. */
  isDurable?: boolean
}

/**
 * A server of its own in a temporary folder, on a Unix socket there. It refuses root, so as root it runs as the user of the package. It
 * does not keep this process from ending.
 */
export async function startPostgres({
  tls,
  isDurable = false,
}: PostgresOptions = {}): Promise<TestPostgres> {
  if (initdb === undefined) throw new Error(String(noPostgres))
  const bin = dirname(initdb)
  const folder = await mkdtemp(join(tmpdir(), 'plexd-postgres-'))
  const user = process.getuid?.() === 0 ? idsOf('postgres') : undefined
  if (user) chownSync(folder, user.uid, user.gid)
  const identity = { ...user, cwd: folder }
  const data = join(folder, 'data')
  const making = ['-D', data, '-A', 'trust', '-U', 'plexd', '-E', 'UTF8', '--locale=C', '--no-sync']
  execFileSync(initdb, making, { ...identity, stdio: 'pipe' })

  const port = tls ? await freePort() : 5432
  const ofTls = tls ? { ...listenOverTls(folder, tls, user), port: String(port) } : {}

  let server: ChildProcess
  let databases = 0
  const urlOf = (name: string): string =>
    `postgres://plexd@localhost:${port}/${name}?host=${encodeURIComponent(folder)}`

  function psql(url: string, statement: string): string {
    const args = ['-qAtX', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', statement]
    return execFileSync(join(bin, 'psql'), args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      // A whole log of events is one answer, too.
      maxBuffer: 2 ** 30,
    })
  }

  async function start(): Promise<void> {
    const flags = Object.entries({
      ...settings,
      ...ofTls,
      fsync: isDurable ? 'on' : 'off',
      unix_socket_directories: folder,
    })
    server = spawn(
      join(bin, 'postgres'),
      ['-D', data, ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { ...identity, stdio: 'ignore' },
    )
    server.unref()
    const status = () => readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
    for (;;) {
      const lines = (await status()).split('\n')
      // Of one that was killed, its file is still there.
      if (lines[0] === String(server.pid) && lines[7]?.startsWith('ready')) return
      if (server.exitCode !== null)
        throw new Error(`start PostgreSQL: it ended: ${server.exitCode}`)
      await delay(10)
    }
  }

  async function end(signal: NodeJS.Signals = 'SIGQUIT'): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.ref()
    server.kill(signal)
    await once(server, 'exit')
  }

  await start()
  return {
    pid: () => server.pid ?? 0,
    folder,
    createDatabase() {
      const name = `plexd_${++databases}`
      psql(urlOf('postgres'), `create database ${name}`)
      return urlOf(name)
    },
    overTls: (url) => `postgres://plexd@127.0.0.1:${port}${new URL(url).pathname}`,
    cuttable: (url) => openCuttableWay(folder, url),
    psql,
    end,
    start,
    [Symbol.dispose]() {
      const stopping = ['stop', '-D', data, '-m', 'immediate', '--silent']
      execFileSync(join(bin, 'pg_ctl'), stopping, identity)
      rmSync(folder, { recursive: true })
    },
    async [Symbol.asyncDispose]() {
      await end()
      await rm(folder, { recursive: true })
    },
  }
}

const settings = {
  listen_addresses: '',
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '32MB',
  // A control plane has about ten, and a test may have several.
  max_connections: '200',
}

function listenOverTls(folder: string, { certificate, key }: TlsFiles, user?: Ids) {
  const [certificateFile, keyFile] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  writeFileSync(certificateFile, certificate)
  writeFileSync(keyFile, key, { mode: 0o600 })
  if (user) chownSync(keyFile, user.uid, user.gid)
  const rules = 'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n'
  writeFileSync(join(folder, 'data/pg_hba.conf'), rules)
  return {
    listen_addresses: '127.0.0.1',
    ssl: 'on',
    ssl_cert_file: certificateFile,
    ssl_key_file: keyFile,
  }
}

interface Ids {
  uid: number
  gid: number
}

function idsOf(user: string): Ids {
  const ask = (flag: string): number =>
    Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: ask('-u'), gid: ask('-g') }
}
