import type { SessionSpec } from '@plexd/protocol'
import { CliError } from '@plexd/runtime'
import type { Client } from 'ssh2'
import type { Connection } from '../../../connection/connection.ts'
import { connectSsh, OtherHostKey } from './connect.ts'
import { newKey } from './keys.ts'
import { type Link, openLink } from './link.ts'

/** A session on a node with an SSH client in it. */
export interface OpenSession extends Disposable, Pick<Link, 'session' | 'node'> {
  client: Client
  /** Resolves when the connection has ended, and never throws. */
  ended: Promise<unknown>
  isOver(): boolean
  /** Waits until it has ended, and says why. */
  explainEnd(): Promise<CliError>
}

/** Opens a session with a key of its own. Throws a CliError or an ApiError that says why there is none. */
export async function openSession(
  connection: Connection,
  { login, ...spec }: Omit<SessionSpec, 'public_key'>,
): Promise<OpenSession> {
  const key = await newKey()
  const link = await openLink(connection, { ...spec, login, public_key: key.publicKey })
  const { session, node, hostKey, socket } = link
  if (hostKey === null) {
    socket.destroy()
    await link.abandon()
    throw noHostKey(node)
  }
  const ssh = await connectSsh(socket, { node, login, key, hostKey }).catch((error) =>
    giveUp(link, error),
  )
  let isOver = false
  const ended = ssh.ended.then(() => {
    isOver = true
  })
  return {
    session,
    node,
    client: ssh.client,
    ended,
    isOver: () => isOver,
    async explainEnd() {
      const known = await ssh.ended
      const why = await link.describeEnd()
      return new CliError(`${node}: ${why ?? `the connection was lost${known && `: ${known}`}`}`)
    },
    [Symbol.dispose]: () => ssh[Symbol.dispose](),
  }
}

/** Of a failure the control plane may know more; but what a stranger may have answered has one reason. */
async function giveUp(link: Link, error: unknown): Promise<never> {
  const why = error instanceof OtherHostKey ? undefined : await link.describeEnd()
  await link.abandon()
  throw why === undefined ? error : new CliError(`connect to ${link.node}: ${why}`)
}

function noHostKey(node: string): CliError {
  return new CliError(
    `connect to ${node}: the control plane has no host key of it, so nobody can tell who would answer: a Go node leads to the ` +
      `SSH server of its machine; use ssh with "ProxyCommand plexctl ssh-proxy --mesh %h"`,
  )
}
