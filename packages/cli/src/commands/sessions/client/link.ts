import { once } from 'node:events'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { formatDuration, formatNode, type Session, type SessionSpec } from '@plexd/protocol'
import { CliError, describeError } from '@plexd/runtime'
import type { Admin } from '../../../command.ts'
import type { Connection } from '../../../connection/connection.ts'
import { describeEnd } from './end.ts'

/** A session that is open, and a connection that leads to its SSH server. */
export interface Link {
  session: Session
  /** For texts: `web-01 (n_web)`. */
  node: string
  /** Null for a Go node, which has an SSH server of its machine behind it. */
  hostKey: string | null
  socket: Duplex
  /** Why it is over, as the control plane or the relay says; undefined if neither does. */
  describeEnd(): Promise<string | undefined>
  /** Ends a session that nobody can use: it would count as open for as long as it may last. */
  abandon(): Promise<void>
}

/** How long a node has to open a session: it may have to fetch the event that asks it to first. */
const readyMs = 20_000
const closingMs = 500

/** Opens a session and connects to it. Of what cannot be reached nothing is left open. */
export async function openLink(connection: Connection, spec: SessionSpec): Promise<Link> {
  const { admin } = connection
  const { body } = await admin.openSession({ body: spec })
  const { session, host_key: hostKey } = body
  const node = formatNode(session.node_id, session.node)
  const abandon = async (): Promise<void> => {
    await admin.revokeSession({ params: { session: session.id } }).catch(() => undefined)
  }
  try {
    const { socket, whyClosed } = await dial(connection, session)
    const describe = async () => (await describeEnd(admin, session.id)) ?? (await whyClosed())
    return { session, node, hostKey, socket, describeEnd: describe, abandon }
  } catch (error) {
    const why = await describeEnd(admin, session.id)
    await abandon()
    throw new CliError(`connect to ${node}: ${why ?? describeError(error)}`)
  }
}

interface Dialled {
  socket: Duplex
  whyClosed(): Promise<string | undefined>
}

async function dial(connection: Connection, session: Session): Promise<Dialled> {
  if (session.way === 'mesh') {
    const socket = await dialMesh(connection.admin, session)
    return { socket, whyClosed: async () => undefined }
  }
  const socket = await connection.openSocket(session.id)
  const closed = socket.whenClosed.then(({ reason }) => reason || undefined)
  // It may be the other side of the SSH connection that has ended, not this one.
  return { socket, whyClosed: () => Promise.race([closed, delay(closingMs, undefined)]) }
}

async function dialMesh(admin: Admin, session: Session): Promise<Duplex> {
  const lastsMs = Date.parse(session.expires_at) - Date.parse(session.opened_at)
  const wait = formatDuration(Math.min(readyMs, lastsMs))
  const { body } = await admin.getSession({ params: { session: session.id }, query: { wait } })
  if (body.listen_addr === null)
    throw new Error(
      lastsMs < readyMs
        ? 'its time was up before it was ready; --ttl sets how long a session lasts'
        : 'it has not said where it listens: is it connected? "plexctl node list" tells',
    )
  const { hostname, port } = new URL(`tcp://${body.listen_addr}`)
  const socket = net.connect(Number(port), hostname.replace(/^\[|\]$/g, ''))
  socket.setNoDelay().setKeepAlive(true, 15_000)
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(10_000) })
  } catch (cause) {
    socket.destroy()
    throw new Error(
      `dial ${body.listen_addr}: is this machine in the mesh, and does a policy let it in there? Without --mesh it goes by the control plane`,
      { cause },
    )
  }
  return socket
}
