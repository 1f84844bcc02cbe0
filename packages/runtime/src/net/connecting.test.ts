import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { watchConnecting } from './connecting.ts'

const stepMs = 100

/** Takes connections and says nothing. */
async function startSilentServer() {
  const server = createServer((socket) => socket.on('error', () => {}).resume()).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  return { port, [Symbol.asyncDispose]: async () => void server.close() }
}

async function failureOf(request: http.ClientRequest): Promise<string> {
  request.end()
  const [error] = await once(request, 'error')
  return String(error)
}

describe('watchConnecting', () => {
  it('says that TLS was not answered', async () => {
    await using server = await startSilentServer()
    const at = { host: '127.0.0.1', port: server.port }
    const request = https.request({ ...at, agent: false })
    watchConnecting(request, { ...at, stepMs })
    assert.match(
      await failureOf(request),
      /127\.0\.0\.1 took the connection and did not answer the TLS handshake within 0\.1 s/,
    )
  })

  it('says that the name was not found in time', async () => {
    const at = { host: 'control.example', port: 443 }
    const request = https.request({ ...at, agent: false, lookup: () => {} })
    watchConnecting(request, { ...at, stepMs })
    assert.match(
      await failureOf(request),
      /no address found for the name "control\.example" within/,
    )
  })

  it('leaves a connection alone once it is open', async () => {
    await using server = await startSilentServer()
    const at = { host: '127.0.0.1', port: server.port }
    const request = http.request({ ...at, agent: false, timeout: 3 * stepMs })
    watchConnecting(request, { ...at, stepMs })
    request.end()
    await once(request, 'timeout')
    assert.equal(request.destroyed, false)
    request.on('error', () => {}).destroy()
  })
})
