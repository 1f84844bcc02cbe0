/** A session server as a process, whose sessions do nothing: what the daemon says is answered. */
import type { FromServer, ToServer } from '../link.ts'

const tell = (message: FromServer): void => void process.send?.(message)

process.on('message', (message: ToServer) => {
  if (message.type === 'open') {
    const { session_id } = message.session
    tell({ type: 'ready', session_id, listen_addr: 'relay' })
    tell({ type: 'connected', session_id, from: 'relay' })
  }
  if (message.type === 'close')
    tell({ ...message, type: 'closed', duration_ms: 10, bytes_in: 1, bytes_out: 2, chunks: 0 })
})
process.on('disconnect', () => process.exit())
