import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import ssh2, {
  type Connection,
  type ServerChannel,
  type SFTPWrapper,
  type Session as SshSession,
} from 'ssh2'
import { answer, type Reply } from './admin-server.ts'
import { aSession } from './samples.ts'

/** An SSH server as a node has one, on a loopback address, which runs everything as the user of the test. */
export interface SshNode extends AsyncDisposable {
  address: string
  /** Its public half. */
  hostKey: string
  /** What the control plane answers about a session on it. */
  replies: Record<string, Reply>
  /** The environment that the client sent. */
  env: Record<string, string>
  /** Who has logged in, and by which key. */
  logins: { login: string; key: string }[]
  /** Ends all connections, and the session for this reason. */
  cut(reason: 'revoked' | 'idle'): void
}

const sftpServer = '/usr/lib/openssh/sftp-server'

interface NodeOptions {
  /** The host key that the control plane has of it, if another. */
  announced?: string
  /** The size of packets that it says it takes, if not that of ssh2. */
  packetBytes?: number
  /** In place of OpenSSH's server of files. */
  serveFiles?: (sftp: SFTPWrapper) => void
}

export async function startSshNode(options: NodeOptions = {}): Promise<SshNode> {
  const { announced, packetBytes, serveFiles } = options
  const hostKey = newHostKey()
  const connections = new Set<Connection>()
  const node = { env: {} as Record<string, string>, logins: [] as SshNode['logins'] }
  const server = new ssh2.Server({ hostKeys: [hostKey.private] }, (connection) => {
    connections.add(connection)
    connection.on('error', () => undefined)
    if (packetBytes !== undefined) takeInPackets(connection, packetBytes)
    connection.on('close', () => connections.delete(connection))
    connection.on('authentication', (attempt) => {
      if (attempt.method !== 'publickey') return attempt.reject(['publickey'])
      const key = `${attempt.key.algo} ${attempt.key.data.toString('base64')}`
      if (attempt.signature) node.logins.push({ login: attempt.username, key })
      attempt.accept()
    })
    connection.on('session', (accept) => {
      const session = accept()
      serve(session, node.env)
      if (serveFiles) session.on('sftp', (accept) => serveFiles(accept()))
    })
    connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
      const socket = net.connect({ host: destIP, port: destPort, allowHalfOpen: true })
      socket.on('error', () => reject())
      socket.on('connect', () => {
        const channel = accept()
        channel.pipe(socket).pipe(channel)
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as net.AddressInfo).port}` // of a TCP server
  let session = aSession({ way: 'mesh', listen_addr: address })
  return {
    ...node,
    address,
    hostKey: hostKey.public,
    replies: {
      'POST /admin/v1/sessions': (_request, response) =>
        answer(response, 201, {
          session,
          host_key: announced ?? hostKey.public,
          node_mesh_ip: '10.100.1.2',
        }),
      'GET /admin/v1/sessions/sess_1?wait=20s': (_request, response) =>
        answer(response, 200, session),
      'GET /admin/v1/sessions/sess_1': (_request, response) => answer(response, 200, session),
      'POST /admin/v1/sessions/sess_1/revoke': (_request, response) =>
        answer(response, 200, session),
    },
    cut(reason) {
      session = aSession({ state: 'closed', reason })
      for (const connection of connections) connection.end()
    },
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.end()
      server.close()
    },
  }
}

export function newHostKey(): { private: string; public: string } {
  for (;;) {
    const key = ssh2.utils.generateKeyPairSync('ed25519')
    // See newKey of the sessions: some of these cannot be read.
    if (!(ssh2.utils.parseKey(key.private) instanceof Error)) return key
  }
}

/** ssh2 has no option for it. */
function takeInPackets(connection: Connection, bytes: number): void {
  type Confirm = (remote: number, local: number, window: number, bytes: number) => void
  const { _protocol } = connection as unknown as { _protocol: { channelOpenConfirm: Confirm } }
  const confirm = _protocol.channelOpenConfirm.bind(_protocol)
  _protocol.channelOpenConfirm = (remote, local, window) => confirm(remote, local, window, bytes)
}

/** A terminal is told of in the output; a real one is for the tests with real nodes. */
function serve(session: SshSession, env: Record<string, string>): void {
  let terminal = ''
  let channel: ServerChannel | undefined
  session.on('env', (accept, _reject, { key, val }) => {
    env[key] = val
    accept?.()
  })
  session.on('pty', (accept, _reject, { cols, rows, term }) => {
    terminal = `${term} ${cols}x${rows}\n`
    accept?.()
  })
  session.on('window-change', (accept, _reject, { cols, rows }) => {
    channel?.write(`${cols}x${rows}\n`)
    accept?.()
  })
  const run = (accepted: ServerChannel, args: string[]): void => {
    channel = accepted
    channel.write(terminal)
    runIn(session, channel, args)
  }
  session.on('exec', (accept, _reject, { command }) => run(accept(), ['-c', command]))
  session.on('shell', (accept) => run(accept(), []))
  session.on('subsystem', (accept) => {
    const channel = accept()
    const child = spawn(sftpServer, { stdio: 'pipe' })
    channel.pipe(child.stdin)
    child.stdout.pipe(channel)
  })
}

function runIn(session: SshSession, channel: ServerChannel, args: string[]): void {
  const child = spawn('/bin/sh', args, { stdio: 'pipe', detached: true })
  channel.pipe(child.stdin.on('error', () => undefined))
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  session.on('signal', (accept, _reject, { name }) => {
    process.kill(-(child.pid ?? 0), `SIG${name}` as NodeJS.Signals)
    accept?.()
  })
  channel.on('close', () => child.kill('SIGKILL'))
  child.on('close', (code, signal) => {
    if (code === null) channel.exit(String(signal).replace('SIG', ''))
    else channel.exit(code)
    channel.end()
  })
}
