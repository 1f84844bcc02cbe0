/**
 * A proxy as a program: lets whoever says `user:secret` through by CONNECT, to that port of 127.0.0.1 whatever the host is
 * called, and answers 407 to the rest. Prints its port, then a line for each CONNECT.
 */
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

const [port = '0'] = process.argv.slice(2)
const basic = `Basic ${Buffer.from('user:secret').toString('base64')}`

const server = createServer((_request, response) => response.writeHead(405).end())
server.on('connect', (request, client) => {
  client.on('error', () => client.destroy())
  const isKnown = request.headers['proxy-authorization'] === basic
  console.log(`${isKnown ? 'CONNECT' : 'REFUSED'} ${request.url}`)
  if (!isKnown) return client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  const [, targetPort = ''] = /:(\d+)$/.exec(request.url ?? '') ?? []
  const target = connect(Number(targetPort), '127.0.0.1', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    target.pipe(client).pipe(target)
  })
  target.on('error', () => client.destroy())
})
server.listen(Number(port), '127.0.0.1', () => {
  console.log((server.address() as AddressInfo).port) // it listens on TCP
})
