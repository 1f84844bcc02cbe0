import type { Duplex } from 'node:stream'
import { CliError, describeError } from '@plexd/runtime'
import type { Client, ConnectConfig } from 'ssh2'
import type { ClientKey } from './keys.ts'
import { refuseSmallPackets } from './packet-size.ts'
import { loadSsh2 } from './ssh2.ts'

/** An SSH connection to a node. */
export interface SshConnection extends Disposable {
  client: Client
  /** Resolves when it has ended, whoever ended it, with why if that is known. */
  ended: Promise<string>
}

export interface ConnectOptions {
  /** For errors: `web-01 (n_web)`. */
  node: string
  login: string
  key: ClientKey
  /** As the control plane knows it. */
  hostKey: string
}

const handshakeMs = 20_000

/** Speaks SSH over a connection that leads to a node. Throws a CliError if the other side is not that node, or refuses. */
export async function connectSsh(
  socket: Duplex,
  { node, login, key, hostKey }: ConnectOptions,
): Promise<SshConnection> {
  const { Client } = await loadSsh2()
  const client = new Client()
  let fault: Error | undefined
  let ready = false
  const ended = Promise.withResolvers<string>()
  const opened = Promise.withResolvers<void>()
  const fail = (error: Error): void => {
    fault ??= error
    opened.reject(fault)
  }
  socket.on('error', fail)
  client.on('error', fail)
  // SSH has no half that ends by itself, but the socket of a relay has: its other half would never close.
  client.on('end', () => socket.destroy())
  client.on('ready', () => {
    ready = true
    opened.resolve()
  })
  client.on('close', () => {
    if (!ready) fail(new Error('the connection was closed'))
    ended.resolve(fault === undefined ? '' : describeError(fault))
  })
  client.connect({
    sock: socket,
    username: login,
    privateKey: key.privateKey,
    readyTimeout: handshakeMs,
    algorithms,
    hostVerifier: (offered: Buffer) => {
      const isKnown = offered.toString('base64') === hostKey.split(' ')[1]
      if (!isKnown) fault = otherHostKey(node)
      return isKnown
    },
  })
  refuseSmallPackets(client)
  try {
    await opened.promise
  } catch (error) {
    client.end()
    socket.destroy()
    if (error instanceof CliError) throw error
    throw new CliError(`speak SSH with ${node}: ${describeError(error)}`)
  }
  return { client, ended: ended.promise, [Symbol.dispose]: () => close(client, socket) }
}

function close(client: Client, socket: Duplex): void {
  client.end()
  socket.end()
}

/** Another machine may have answered. */
export class OtherHostKey extends CliError {}

function otherHostKey(node: string): OtherHostKey {
  return new OtherHostKey(
    `speak SSH with ${node}: its host key is not the one that the control plane has of it, so another machine may have answered; ` +
      'nothing was sent. If the key was replaced on purpose, restart plexd there, and try again when "plexctl node show" shows it online',
  )
}

/** Those that our nodes offer; AES-GCM first, which OpenSSL does in hardware. */
const algorithms: NonNullable<ConnectConfig['algorithms']> = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
  compress: ['none'],
}
