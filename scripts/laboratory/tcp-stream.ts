/** `listen ADDRESS` prints a port and confirms what it gets; `send ADDRESS PORT BYTES` sends and checks the confirmation. */
import { createHash, randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { buffer } from 'node:stream/consumers'

const [role, address = '', port, bytes] = process.argv.slice(2)

if (role === 'listen') {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256')
    socket.on('data', (chunk) => hash.update(chunk))
    socket.on('end', () => socket.end(hash.digest()))
  })
  server.listen({ host: address, port: 0 }, () => {
    const bound = server.address()
    if (typeof bound === 'object' && bound) process.stdout.write(`${bound.port}\n`)
  })
} else {
  const content = randomBytes(Number(bytes))
  const socket = connect({ host: address, port: Number(port), allowHalfOpen: true })
  socket.end(content)
  const sent = createHash('sha256').update(content).digest()
  if (!sent.equals(await buffer(socket))) throw new Error('the other end got something else')
}
