import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { isIPv4 } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Address, decodeStun, encodeStun, openUdpSocket } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { asBalancer } from '../http/connections/proxies/local-request.ts'

/** The answer of /readyz, and the server's certificate. */
export interface ReadyAnswer {
  status: number
  text: string
  /** DER. */
  certificate?: Buffer
}

/** Whether an answer other than 200 is that of a control plane whose turn has not come, which is well. */
export function saysWaiting(text: string): boolean {
  return text.startsWith('{"error":"waiting: ')
}

const timeoutMs = 5_000
/** A warning for each damaged file, and more than we ever say. */
const maxChars = 65_536

/** For a wildcard address, loopback is the nearest to connect to. */
export function localHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** Accepts any certificate, because nothing secret is sent; another check verifies it. */
export function askPort(config: Config): Promise<ReadyAnswer> {
  const { insecureHttp, proxyProtocolFrom } = config
  const { host, port } = config.listen
  const target = { host: localHost(host), port, path: '/readyz', timeout: timeoutMs }
  const way = asBalancer(proxyProtocolFrom, { isTls: !insecureHttp, timeoutMs })
  return insecureHttp
    ? answerOf(http.get({ ...target, ...way }))
    : answerOf(https.get({ ...target, ...way, rejectUnauthorized: false }))
}

export function askSocket(socketPath: string): Promise<ReadyAnswer> {
  return answerOf(http.get({ socketPath, path: '/readyz', timeout: timeoutMs }))
}

function answerOf(request: http.ClientRequest): Promise<ReadyAnswer> {
  return new Promise((resolve, reject) => {
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', reject)
    request.on('response', (response) => {
      const certificate = (response.socket as TLSSocket).getPeerCertificate?.()?.raw // of TLS only
      let text = ''
      response.setEncoding('utf8').on('error', reject)
      response.on('data', (chunk: string) => {
        text = (text + chunk).slice(0, maxChars)
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text,
          ...(certificate ? { certificate } : {}),
        }),
      )
    })
  })
}

/** Our endpoint as a STUN server sees it; undefined if none answers within a second. */
export async function askStun(host: string, port: number): Promise<Address | undefined> {
  await using socket = await openUdpSocket()
  const transactionId = randomBytes(12).toString('hex')
  const { promise, resolve } = Promise.withResolvers<Address | undefined>()
  socket.listen((datagram) => {
    const answer = decodeStun(datagram)
    if (answer?.transactionId === transactionId) resolve(answer.mapped)
  })
  const timer = setTimeout(resolve, 1_000, undefined)
  const to = { address: isIPv4(host) || host.includes(':') ? host : '127.0.0.1', port }
  await socket.send(encodeStun({ kind: 'request', transactionId }), to).catch(() => {})
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}
