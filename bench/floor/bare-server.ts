/**
 * The floor of a control plane, on bare `node:https`: no authentication, no storage, no signatures. It keeps streams
 * open and alive, answers everything else with `{}`, and on `POST /broadcast` writes the body to every stream.
 */
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

const dataDir = process.argv[2] ?? '.'
const streams = new Set<ServerResponse>()

const server = createServer(
  {
    cert: readFileSync(join(dataDir, 'tls/server.crt')),
    key: readFileSync(join(dataDir, 'tls/server.key')),
  },
  async (request, response) => {
    if (request.url?.endsWith('/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': connected\n\n')
      streams.add(response)
      response.on('close', () => streams.delete(response))
      return
    }
    const body = await buffer(request)
    if (request.url === '/broadcast') for (const stream of streams) stream.write(body)
    // The tag is that of a state, for those who pull one.
    const etag = '"bare-1-bare"'
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2, etag })
    response.end('{}')
  },
)
server.keepAliveTimeout = 90_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object')
    console.log(`listening on https://127.0.0.1:${address.port}`)
})
setInterval(() => {
  for (const stream of streams) stream.write(': keep-alive\n\n')
}, 15_000)
process.on('disconnect', () => process.exit())
