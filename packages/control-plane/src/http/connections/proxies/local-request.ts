import type { RequestOptions } from 'node:https'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { matcherOf } from './address-ranges.ts'
import { ownHeader } from './proxy-header.ts'

/**
 * For a request to the port of a control plane on this machine, on a connection of its own. Where this machine is one of its balancers,
 * that has to begin with a header, which says that it is passed on for nobody. Any certificate is accepted: it is ourselves, and told nothing.
 */
export function asBalancer(
  proxyProtocolFrom: readonly string[],
  { isTls, timeoutMs }: { isTls: boolean; timeoutMs: number },
): Pick<RequestOptions, 'agent' | 'createConnection'> {
  if (proxyProtocolFrom.length === 0) return { agent: false }
  const isBalancer = matcherOf(proxyProtocolFrom)
  return {
    // One of its own would be asked in place of us.
    agent: undefined,
    createConnection(options, onConnected) {
      const { host, port } = options
      const socket = connect(Number(port), String(host))
      const fail = (error: Error): void => onConnected(error, socket)
      socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no connection in time')))
      socket.once('error', fail)
      socket.once('connect', () => {
        socket.off('error', fail).setTimeout(0)
        if (isBalancer(socket.localAddress ?? '')) socket.write(ownHeader)
        onConnected(null, isTls ? connectTls({ socket, rejectUnauthorized: false }) : socket)
      })
      return undefined
    },
  }
}
