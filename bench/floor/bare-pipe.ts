/** The floor of the relay: the first two connections of each pair are piped into each other, and nothing else happens. */
import { type AddressInfo, createServer, type Socket } from 'node:net'

let waiting: Socket | undefined
const server = createServer((socket) => {
  socket.on('error', () => {})
  if (!waiting) {
    waiting = socket
    return
  }
  socket.pipe(waiting).pipe(socket)
  waiting = undefined
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
