import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { answerHeader } from '@plexd/protocol'
import type { Environment, Installation, State } from '../app.ts'
import type { Job } from '../jobs/periodic.ts'
import { readPeerAddress } from '../replicas/peer-address.ts'

/** For so long a database may be silent that we serve from: then another control plane may have our turn. */
const silentMs = 5_000
const askMs = 2_000

type Deposed = Environment & Pick<Installation, 'controlPlanes'> & Pick<State, 'store'>

/**
 * Ends this control plane if it alone has lost the database: another one serves then, and nodes whose streams are here would hear nothing. Where
 * the database is away from all nobody does, and streams stay.
 */
export function seeingWhoServes(app: Deposed): Job {
  const { clock, store, controlPlanes, fail } = app
  let answeredMs = clock.monotonic()

  return {
    name: 'see whether another control plane serves',
    everyMs: askMs,
    async run() {
      if (await answers(store)) answeredMs = clock.monotonic()
      const silentForMs = clock.monotonic() - answeredMs
      if (silentForMs < silentMs) return
      for (const address of controlPlanes.addresses())
        if (await isServedAt(address, app)) fail(deposedBy(address, silentForMs))
    },
  }
}

function answers(store: Deposed['store']): Promise<boolean> {
  return store.ping().then(
    () => true,
    () => false,
  )
}

/** Whether requests are served there by another one, and not passed on to us. */
async function isServedAt(address: string, { config, life, trusted }: Deposed): Promise<boolean> {
  const peer = readPeerAddress(address)
  if (!peer) return false
  const options = { ...peer, path: '/readyz', timeout: askMs, agent: false } as const
  // It is known by our authority, whatever it is called there.
  const tls = { ca: trusted(), checkServerIdentity: () => undefined }
  const answer = await answerOf(
    config.insecureHttp ? http.get(options) : https.get({ ...options, ...tls }),
  )
  const from = answer?.headers[answerHeader]
  return answer?.statusCode === 200 && from !== undefined && from !== life
}

/** Undefined if there is none. */
function answerOf(request: http.ClientRequest): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(undefined))
    request.on('response', (response) => {
      response.on('error', () => {}).resume()
      resolve(response)
    })
  })
}

function deposedBy(address: string, silentForMs: number): Error {
  const seconds = Math.round(silentForMs / 1_000)
  return new Error(
    `serve from the database: it has not answered for ${seconds} s, and the control plane at "${address}" serves from it: this one ends; start it again when it can reach the database`,
  )
}
