import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { serverCertificate, serverKey } from './certificates.ts'

/** A server of a test. It ends together with its connections. */
export interface TestServer extends AsyncDisposable {
  readonly server: http.Server
  /** With its port, without a slash at the end; meaningless on a Unix socket. */
  readonly url: string
  readonly port: number
}

/** Serves on 127.0.0.1, on a free port unless told otherwise, or on a Unix socket; over TLS with the certificate of `authority`. */
export async function serve(
  listener?: http.RequestListener,
  { tls = false, port = 0, socket }: { tls?: boolean; port?: number; socket?: string } = {},
): Promise<TestServer> {
  const server = tls
    ? https.createServer({ cert: serverCertificate, key: serverKey }, listener)
    : http.createServer(listener)
  server.listen(socket === undefined ? { port, host: '127.0.0.1' } : { path: socket })
  await once(server, 'listening')
  const address = server.address() as AddressInfo // a text on a Unix socket, where nobody asks for the port
  return {
    server,
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}`,
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
