/** The floor of the local API, on bare `node:http`: the same bytes for every GET, on the given Unix socket. */
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'

const [socket = '', bytes = '200'] = process.argv.slice(2)
rmSync(socket, { force: true })
const body = Buffer.alloc(Number(bytes), 'x')
createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}).listen(socket, () => console.log('listening'))
process.on('disconnect', () => process.exit())
