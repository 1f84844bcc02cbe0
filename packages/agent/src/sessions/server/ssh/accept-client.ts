import type { Duplex } from 'node:stream'
import { type Clock, describeError } from '@plexd/runtime'
import ssh2, { type AuthContext, type Connection, type PublicKeyAuthContext } from 'ssh2'
import { guardSocket } from './guard-socket.ts'
import { refuseSmallPackets } from './packet-size.ts'

/** Something that a client with the right key and name may have, once. */
export interface Claimable {
  /** False: somebody else has it meanwhile. */
  claim(): boolean
  /** Of who has claimed it, and went before it could be served. */
  release(): void
}

export interface AcceptOptions<T extends Claimable> {
  /** In the format of OpenSSH. */
  hostKey: string
  /** What a client with this key (as SSH encodes it) and this login may have. */
  find(key: Buffer, login: string): T | undefined
  clock: Pick<Clock, 'sleep'>
  /** Counts from the first byte of the client, whom nobody has announced yet. */
  isAwaited: boolean
}

export interface AcceptedClient<T> {
  client: Connection
  claimed: T
}

/** For who has not said who it is. */
const authenticationMs = 10_000
const maxTries = 6

/** Only what is authenticated, and none of the older ways (`ssh2` has no post-quantum exchange). */
const algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
  // Not used with these ciphers, but a client wants to agree on one.
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
} satisfies ssh2.Algorithms

/** Speaks SSH until the client has shown who it is. Rejects with the reason why it has not; the stream is then closed. */
export async function acceptClient<T extends Claimable>(
  stream: Duplex,
  { hostKey, find, clock, isAwaited }: AcceptOptions<T>,
): Promise<AcceptedClient<T>> {
  const accepted = Promise.withResolvers<AcceptedClient<T>>()
  const refuse = (why: string): void => accepted.reject(new Error(why))
  using limit = limitTime(stream, { clock, isAwaited, onLate: () => refuse('it took too long') })
  stream.once('close', () => refuse('the connection was closed'))
  const server = new ssh2.Server({ hostKeys: [hostKey], ident: 'plexd', algorithms }, (client) => {
    client.on('error', (error) => refuse(describeError(error)))
    refuseSmallPackets(client)
    authenticate(client, { find, accepted, refuse })
  })
  server.on('error', (error: unknown) => refuse(describeError(error)))
  guardSocket(stream)
  server.injectSocket(stream as never) // ssh2 needs no more than a stream
  try {
    return await accepted.promise
  } catch (error) {
    stream.destroy()
    throw error
  } finally {
    limit[Symbol.dispose]()
  }
}

interface Authentication<T> {
  find(key: Buffer, login: string): T | undefined
  accepted: PromiseWithResolvers<AcceptedClient<T>>
  refuse(why: string): void
}

function authenticate<T extends Claimable>(
  client: Connection,
  { find, accepted, refuse }: Authentication<T>,
): void {
  let tries = 0
  client.on('authentication', (context) => {
    // It asks which methods there are.
    if (context.method === 'none') return context.reject(['publickey'])
    const found = context.method === 'publickey' && find(context.key.data, context.username)
    if (found && context.method === 'publickey') {
      // It asks whether it should sign.
      if (!context.signature) return context.accept()
      if (isSigned(context) && found.claim()) {
        client.once('ready', () => accepted.resolve({ client, claimed: found }))
        accepted.promise.catch(() => found.release())
        return context.accept()
      }
    }
    if (++tries >= maxTries) refuse('it has tried too often')
    else refuseTry(context)
  })
}

function refuseTry(context: AuthContext): void {
  context.reject(['publickey'])
}

function isSigned({ key, blob, signature, hashAlgo }: PublicKeyAuthContext): boolean {
  const parsed = ssh2.utils.parseKey(encodeLine(key))
  if (parsed instanceof Error || !blob || !signature) return false
  return parsed.verify(blob, signature, hashAlgo) === true
}

function encodeLine({ algo, data }: PublicKeyAuthContext['key']): string {
  return `${algo} ${data.toString('base64')}`
}

interface TimeLimit {
  clock: Pick<Clock, 'sleep'>
  isAwaited: boolean
  onLate(): void
}

function limitTime(stream: Duplex, { clock, isAwaited, onLate }: TimeLimit): Disposable {
  const enough = new AbortController()
  const start = (): void => void clock.sleep(authenticationMs, enough.signal).then(onLate, () => {}) // it was in time
  if (isAwaited) stream.once('data', start)
  else start()
  return { [Symbol.dispose]: () => enough.abort() }
}
