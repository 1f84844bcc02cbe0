import http from 'node:http'
import https from 'node:https'
import { errorOf, instanceHeader, type TransportResponse } from '@plexd/protocol'
import {
  headOf,
  placeOf,
  stepError,
  TunnelAgent,
  trusting,
  watchConnecting,
  whenGivenUp,
} from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import type { Place } from '../../config/place.ts'
import { createAddresses } from '../client/addresses.ts'
import { type AnswerGate, createAnswerGate } from '../client/answer-gate.ts'
import { type Connecting, stepMsOf, userAgent } from '../client/client.ts'
import { askAs, type Credentials } from '../client/credentials.ts'

export interface AnswerRequest {
  path: string
  headers: Readonly<Record<string, string>>
  /** The content type that a successful answer has. */
  type: string
  signal: AbortSignal
}

/** Resolves to the answer with its body yet to be read, and the address that it is from. */
export type OpenAnswer = (
  request: AnswerRequest,
) => Promise<{ response: http.IncomingMessage; apiUrl: string }>

export type OpenerConfig = Pick<AgentConfig, 'apiUrl' | 'caFile' | 'proxyUrl' | 'streamIdleMs'> &
  Partial<Pick<AgentConfig, 'otherPlaces'>>

/** `answerMs` is the time for the head of an answer. */
export type Opener = Credentials &
  Connecting & { instance?: string; gate?: AnswerGate; answerMs?: number }

/**
 * GETs with a socket of its own: a long answer has no total timeout, only one for silence, and must not queue for a
 * pooled connection. Any answer other than 200 and 206 rejects with an ApiError, or is rejected by the gate.
 */
export function createOpener(config: OpenerConfig, who: Opener): OpenAnswer {
  const { gate = createAnswerGate(), answerMs = usualAnswerMs } = who
  const addresses = who.addresses ?? createAddresses(config)
  const connect = connector(config, { ...who, stepMs: stepMsOf(addresses) })

  async function ask(request: AnswerRequest, bearer: string): Promise<Opened> {
    const opened = await addresses
      .ask<Opened>({
        ask: (place) =>
          inTime(answerMs, async (late) => {
            const signal = AbortSignal.any([request.signal, late])
            const response = await connect(place, { ...request, signal }, bearer)
            return { response, answer: await answerOf(response), apiUrl: place.apiUrl }
          }),
        answerOf: ({ answer }) => answer,
        hasShown: gate.hasShown,
        typeOf: ({ answer }) => (isOpen(answer) ? request.type : ''),
        drop: ({ response }) => void response.destroy(),
        signal: request.signal,
      })
      .catch((error: unknown) => {
        gate.failed(error)
        throw error
      })
    const { response, answer } = opened
    try {
      gate.judge(answer, isOpen(answer) ? request.type : undefined)
    } catch (error) {
      response.destroy()
      throw error
    }
    return opened
  }

  return async (request) => {
    const { response, answer, apiUrl } = await askAs(who, {
      ask: (bearer) => ask(request, bearer),
      isRefused: ({ answer: { status } }) => status === 401,
      drop: (refused) => void refused.response.destroy(),
    })
    if (!isOpen(answer)) throw errorOf(answer)
    return { response, apiUrl }
  }
}

type Connect = (
  place: Place,
  request: AnswerRequest,
  bearer: string,
) => Promise<http.IncomingMessage>

function connector(
  { caFile, streamIdleMs }: OpenerConfig,
  { instance, lookup, stepMs }: Opener & { stepMs: number | undefined },
): Connect {
  return ({ apiUrl, proxyUrl }, { path, headers, signal }, bearer) => {
    const { secure, prefix, place } = placeOf(apiUrl)
    const request: https.RequestOptions = {
      ...place,
      path: prefix + path,
      headers: {
        'user-agent': userAgent,
        ...headers,
        authorization: `Bearer ${bearer}`,
        ...namedBy(instance),
      },
      ...(secure ? trusting(caFile) : {}),
      ...(lookup ? { lookup } : {}),
      agent:
        secure && proxyUrl !== undefined
          ? new TunnelAgent({}, { proxyUrl, lookup, stepMs })
          : false,
      signal,
    }
    return open(secure ? https : http, { idleMs: streamIdleMs, stepMs }, request)
  }
}

/** Each step of connecting has 15 s. */
const usualAnswerMs = 60_000

/**
 * A slow trickle of bytes is not silence, and would be waited for indefinitely: so the head of a stream, or any other
 * complete answer, has a timeout. After that the signal is cleared.
 */
async function inTime<T>(ms: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const clock = AbortSignal.timeout(ms)
  const late = new AbortController()
  const giveUp = (): void => late.abort()
  clock.addEventListener('abort', giveUp)
  try {
    const done = await work(late.signal)
    // A cut-off answer just ends from here on.
    if (!late.signal.aborted) return done
  } catch (error) {
    if (!late.signal.aborted) throw error
  } finally {
    clock.removeEventListener('abort', giveUp)
  }
  throw stepError('no whole answer', ms)
}

interface Opened {
  response: http.IncomingMessage
  answer: TransportResponse
  apiUrl: string
}

function namedBy(instance: string | undefined): Record<string, string> {
  return instance === undefined ? {} : { [instanceHeader]: instance }
}

function open(
  client: typeof http | typeof https,
  { idleMs, stepMs }: { idleMs: number; stepMs: number | undefined },
  options: https.RequestOptions,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answered: http.IncomingMessage | undefined
    const request = client.request(options, (response) => {
      answered = response
      resolve(response)
    })
    request.on('error', reject)
    whenGivenUp(request, options.signal, reject)
    watchConnecting(request, { host: options.host ?? '', port: Number(options.port), stepMs })
    // Counts from the last byte in either direction, so it covers connecting, waiting and the stream itself.
    request.setTimeout(idleMs, () => {
      const silence = new Error(`no byte from the control plane for ${idleMs / 1_000} s`)
      // The reader of the answer gets the answer's error, not the request's.
      answered?.destroy(silence)
      request.destroy(silence)
    })
    request.end()
  })
}

function isOpen({ status }: Pick<TransportResponse, 'status'>): boolean {
  return status === 200 || status === 206
}

/** Enough for any error text of ours. */
const maxErrorBytes = 4_096

/** The head of a stream, or any other complete answer. */
async function answerOf(response: http.IncomingMessage): Promise<TransportResponse> {
  const head = headOf(response)
  return { ...head, body: isOpen(head) ? '' : await readStart(response) }
}

async function readStart(response: http.IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of response) {
    body += String(chunk)
    if (body.length > maxErrorBytes) break
  }
  return body.slice(0, maxErrorBytes)
}
