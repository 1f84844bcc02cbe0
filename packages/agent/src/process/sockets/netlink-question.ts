import { describeError, type Log } from '@plexd/runtime'
import { afNetlink } from './ask-netlink.ts'
import { loadRawSocket, type RawSocket } from './raw-socket.ts'

/** A question that the kernel answers about itself over a netlink socket, each time over a new one. */
export interface NetlinkQuestion<T> {
  /** The family of netlink(7), such as NETLINK_ROUTE. */
  protocol: number
  ask: (socket: RawSocket) => T
  /** What the log says of a question that has failed. */
  failure: string
}

/** Undefined whenever it cannot be answered: without FFI, without the permission, or as the kernel refuses. */
export async function loadNetlinkQuestion<T>(
  { protocol, ask, failure }: NetlinkQuestion<T>,
  log: Pick<Log, 'debug'>,
): Promise<() => T | undefined> {
  const openRaw = await loadRawSocket().catch(() => undefined)

  return () => {
    const socket = openRaw?.(afNetlink, protocol)
    try {
      return socket && ask(socket)
    } catch (error) {
      log.debug(failure, { error: describeError(error) })
      return undefined
    } finally {
      socket?.close()
    }
  }
}
