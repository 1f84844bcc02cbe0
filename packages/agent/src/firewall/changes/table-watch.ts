import type { Clock } from '@plexd/runtime'
import type { ChangeSocket } from './change-socket.ts'
import type { Author, TableChange } from './netlink-message.ts'

export interface TableWatchOptions {
  /** Closed when the watch ends. */
  socket: ChangeSocket
  /** Whether this process changed it on our behalf. */
  isOurs: (processId: number) => boolean
  /** Another program changed our table, or the kernel lost announcements: then the program is unknown. */
  onChange: (author: Author | undefined) => void
  clock: Clock
}

/**
 * Notices packet filter changes within a tenth of a second. Node cannot wait for a netlink socket, so it is
 * polled ten times a second, at 10 us each.
 */
export function startTableWatch(options: TableWatchOptions): Disposable {
  const { socket, isOurs, onChange, clock } = options
  const isForeign = ({ portId, table }: TableChange): boolean =>
    table === 'plexd' && !isOurs(portId)

  const ticking = clock.every(intervalMs, () => {
    const news = socket.read()
    if (news === 'overrun') return onChange(undefined)
    const change = news.changes.findLast(isForeign)
    if (change) onChange(news.authors.findLast(({ portId }) => portId === change.portId))
  })
  return {
    [Symbol.dispose]() {
      ticking[Symbol.dispose]()
      socket.close()
    },
  }
}

const intervalMs = 100
