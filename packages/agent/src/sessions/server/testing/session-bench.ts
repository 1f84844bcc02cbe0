/** A session server in this process, with clients of OpenSSH beside it. */
import { execFile, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { Client } from 'ssh2'
import { loadSharedFence } from '../../../contain/shared-fence.ts'
import { loadOpenPipe } from '../../../process/pipe.ts'
import { readPasswd } from '../../authorisation/accounts.ts'
import type { ClosedSession, FromServer, OpenedSession, ToServer } from '../../link.ts'
import { loadRecordLogin } from '../programs/login-records.ts'
import { loadOpenPty } from '../programs/pty.ts'
import { openSessionRecorder } from '../session-recorder.ts'
import { createSessionServer, type SessionServerDeps } from '../session-server.ts'

const run = promisify(execFile)

export interface ClientEnd {
  code: number | null
  stdout: string
  stderr: string
}

export type SessionOverrides = Partial<Omit<OpenedSession, 'claims'>> & {
  claims?: Partial<OpenedSession['claims']>
}

let count = 0

/** Sessions are for `nobody`, with a shell and a home that it may write to. */
export async function startSessionBench(overrides: Partial<SessionServerDeps> = {}) {
  const { folder, home, account, authorized_key } = await makeUser()
  const told: FromServer[] = []
  const server = createSessionServer({
    openFence: await loadSharedFence(folder, systemClock),
    dialer: {
      program: process.execPath,
      args: [join(import.meta.dirname, '../../../main.ts'), 'session-dialer'],
    },
    openPty: await loadOpenPty(),
    openPipe: await loadOpenPipe(),
    recordLogin: (await loadRecordLogin()) && (() => () => {}),
    tellAuthLog: async () => {},
    openRecorder: openSessionRecorder,
    dialRelay: async () => {
      throw new Error('no relay')
    },
    tell: (message) => void told.push(message),
    clock: systemClock,
    log: silentLog,
    ...overrides,
  })
  const { privateKey } = generateKeyPairSync('ed25519')
  server.hear({
    type: 'settings',
    host_key_pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    mesh: { ip: '127.0.0.1', port: 0 },
    control_plane: { url: 'https://127.0.0.1:1', node_id: 'n_1', token: 'none' },
    data_dir: folder,
    log_level: 'silent',
  })

  /** Resolves when it is ready. */
  async function open({ claims = {}, ...rest }: SessionOverrides = {}): Promise<OpenSession> {
    const session_id = `session-${process.pid}-${++count}`
    const nowSeconds = Math.floor(Date.now() / 1_000)
    const session: OpenedSession = {
      ...{ session_id, token: `token of ${session_id}`, authorized_key, account, way: 'mesh' },
      ...{ idle_timeout_ms: 600_000, expires_at_ms: Date.now() + 3_600_000 },
      ...rest,
      claims: {
        ...{ iss: 'plexsphere', sub: 'op_1', email: 'op@example.com', name: 'Op' },
        ...{ node_id: 'n_1', session_id, actions: [], login: 'nobody', forward: [], shell: true },
        ...{ recorded: false, iat: nowSeconds, exp: nowSeconds + 3_600 },
        ...claims,
      },
    }
    server.hear({ type: 'open', session })
    const of = <T extends FromServer['type']>(type: T) =>
      told.find(
        (message): message is Extract<FromServer, { type: T }> =>
          message.type === type && message.session_id === session_id,
      )
    await until('the session is ready', () => of('ready') ?? of('closed'))
    const address = of('ready')?.listen_addr ?? ''
    return {
      session_id,
      port: Number(address.split(':').at(-1)),
      closed: () => of('closed'),
      untilClosed: () => until('the session is closed', () => of('closed')),
      end: (reason) => server.hear({ type: 'close', session_id, reason, detail: '' }),
    }
  }

  function options(port: number, { key = 'id', level = 'ERROR' } = {}): string[] {
    return [
      ...['-F', 'none', '-i', join(folder, key), '-o', 'IdentitiesOnly=yes'],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
      ...['-o', 'BatchMode=yes', '-o', `Port=${port}`, '-o', `LogLevel=${level}`],
    ]
  }

  return {
    folder,
    home,
    told,
    open,
    options,
    hear: (message: ToServer) => server.hear(message),
    /** Runs a client until it ends. */
    client: runClient,
    ssh: (session: OpenSession, ...args: string[]) =>
      runClient('ssh', [...options(session.port), 'nobody@127.0.0.1', ...args]),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** `nobody`, with a home and two keys: `id`, which sessions are for, and `other`. */
async function makeUser() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-sessions-'))
  await chmod(folder, 0o755)
  for (const name of ['id', 'other'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
  const home = join(folder, 'home')
  await run('install', ['-d', '-o', 'nobody', '-m', '755', home])
  const { stdout: passwd } = await run('getent', ['passwd', 'nobody'])
  const nobody = readPasswd(passwd.trim(), 'nobody')
  if (!nobody) throw new Error(`read the account of nobody: "${passwd}"`)
  const account = { ...nobody, groups: [], shell: '/bin/bash', home }
  const { stdout: publicKey } = await run('ssh-keygen', ['-y', '-f', join(folder, 'id')])
  const authorized_key = publicKey.trim().split(' ').slice(0, 2).join(' ')
  return { folder, home, account, authorized_key }
}

export interface OpenSession {
  session_id: string
  port: number
  closed(): ClosedSession | undefined
  untilClosed(): Promise<ClosedSession>
  end(reason: ClosedSession['reason']): void
}

/** A client that may do what OpenSSH does not. */
export async function connectTo(bench: { folder: string }, port: number): Promise<Client> {
  const client = new Client()
  client.on('error', () => {}) // it is cut off
  const privateKey = await readFile(join(bench.folder, 'id'))
  client.connect({ host: '127.0.0.1', port, username: 'nobody', privateKey })
  await once(client, 'ready')
  return client
}

/** A client at a terminal, to whom each text is typed when the one before it is to be seen. */
export function typeTo(
  command: string,
  dialogue: readonly (readonly [seen: string, typed: string])[],
): Promise<ClientEnd> {
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: 'pipe' })
  const left = [...dialogue]
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
    const [next] = left
    if (!next || !stdout.includes(next[0])) return
    left.shift()
    child.stdin.write(next[1])
  })
  return new Promise((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr: '' })),
  )
}

export function runClient(program: string, args: string[], input = ''): Promise<ClientEnd> {
  const child = spawn(program, args, { stdio: 'pipe' })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}
