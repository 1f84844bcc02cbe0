import type { ChangeSocket } from './change-socket.ts'
import type { Author, TableChange } from './netlink-message.ts'

export interface TableWatchOptions {
  /** Closed when the watch ends. */
  socket: ChangeSocket
  /** Whether this process changed it on our behalf. */
  isOurs: (processId: number) => boolean
  /** Another program changed our table, or the kernel lost announcements: then the program is unknown. */
  onChange: (author: Author | undefined) => void
}

/** Notices packet filter changes as the kernel announces them. */
export function startTableWatch({ socket, isOurs, onChange }: TableWatchOptions): Disposable {
  const isForeign = ({ portId, table }: TableChange): boolean =>
    table === 'plexd' && !isOurs(portId)
  /** A change whose author is still to come: the last message of a transaction names it, perhaps in the next packet. */
  let change: TableChange | undefined

  socket.follow((news) => {
    if (news !== 'overrun') {
      change = news.changes.findLast(isForeign) ?? change
      if (!change) return
      const { portId } = change
      const author = news.authors.findLast((one) => one.portId === portId)
      if (!author) return
      change = undefined
      return onChange(author)
    }
    change = undefined
    onChange(undefined)
  })
  return { [Symbol.dispose]: () => socket.close() }
}
