import type { LookupFunction } from 'node:net'
import {
  type Client,
  type ControlApi,
  controlApi,
  createClient,
  instanceHeader,
  passedBound,
  type Transport,
} from '@plexd/protocol'
import {
  CliError,
  type Clock,
  createHttpTransport,
  describeError,
  exitCodes,
  type HttpTransport,
  resolveLimits,
} from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { type Limits, limits as limitTable } from '../../config/limits.ts'
import type { Place } from '../../config/place.ts'
import { version } from '../../version.ts'
import { type Addresses, createAddresses } from './addresses.ts'
import { type AnswerGate, createAnswerGate } from './answer-gate.ts'
import type { ClockSkew } from './clock-skew.ts'
import { askAs, type Credentials } from './credentials.ts'

export interface ControlConnection
  extends Pick<HttpTransport, 'keepOnly' | 'reloadCa'>,
    Disposable {
  client: Client<ControlApi>
}

/** The Go agent sends only `plexd/<version>`; from what follows, the control plane knows what this agent supports. */
export const userAgent = `plexd/${version} (node)`

/** Longer JSON is sent as gzip. */
const gzipOverBytes = 1_024

export interface ClientOptions {
  credentials: Credentials
  /** Turns foreign answers into errors; without it nothing is remembered. */
  gate?: AnswerGate
  /** Identifies this daemon; commands have none. */
  instance?: string
  skew?: ClockSkew
  clock?: Clock
  /** Default: the standard limits. */
  limits?: AnswerLimits
}

type AnswerLimits = Pick<Limits, 'answer_bytes' | 'answer_values'>

const defaults = resolveLimits(limitTable, {})

type ClientConfig = Pick<
  AgentConfig,
  'apiUrl' | 'caFile' | 'proxyUrl' | 'requestTimeoutMs' | 'limits'
> &
  Partial<Pick<AgentConfig, 'otherPlaces'>>

/** The connection settings. */
export interface Connecting {
  lookup?: LookupFunction
  /** Shared by all who are to use the same address; default: those of the settings, for one alone. */
  addresses?: Addresses
}

/** A step of connecting that takes longer is given up sooner where there is another address: TCP has sent three packets by then. */
export const stepMsOf = ({ places }: Pick<Addresses, 'places'>): number | undefined =>
  places.length > 1 ? 5_000 : undefined

/** The control API as functions, with its own connections. Throws a CliError if the CA file is unusable. */
export function openControlClient(
  config: ClientConfig,
  options: ClientOptions & Connecting,
): ControlConnection {
  const { addresses = createAddresses(config), gate = createAnswerGate(), lookup } = options
  const stepMs = stepMsOf(addresses)
  const transports = addresses.places.map((place) =>
    openTransport({ ...config, ...place, stepMs }, lookup),
  )
  const send: Send = (request, onSend) =>
    addresses.ask({
      ask(_place, at) {
        onSend()
        return (transports[at] as HttpTransport)(request) // one for each place
      },
      answerOf: (answer) => answer,
      hasShown: gate.hasShown,
      signal: request.signal,
    })
  return {
    client: clientOver(send, { limits: config.limits, ...options, gate }),
    keepOnly(localAddresses) {
      for (const each of transports) each.keepOnly(localAddresses)
    },
    reloadCa() {
      for (const each of transports) each.reloadCa()
    },
    [Symbol.dispose]() {
      for (const each of transports) each[Symbol.dispose]()
    },
  }
}

function openTransport(
  {
    apiUrl,
    proxyUrl,
    caFile,
    requestTimeoutMs,
    stepMs,
  }: Place & Pick<ClientConfig, 'caFile' | 'requestTimeoutMs'> & { stepMs: number | undefined },
  lookup: LookupFunction | undefined,
): HttpTransport {
  try {
    return createHttpTransport({
      baseUrl: apiUrl,
      proxyUrl,
      ...(caFile ? { caFile } : {}),
      userAgent,
      timeoutMs: requestTimeoutMs,
      gzipOverBytes,
      ...(lookup ? { lookup } : {}),
      ...(stepMs === undefined ? {} : { stepMs }),
    })
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}

/** A transport that tells when it sends a request, which it may do again at another address. */
type Send = (...parameters: [...Parameters<Transport>, onSend: () => void]) => ReturnType<Transport>

/**
 * Reads the credentials for each call, so that a rotated token takes effect; a call that was in flight with the
 * old one is retried. Foreign answers are stopped by the gate, so no token is given up because of one.
 */
export function clientOver(transport: Send, options: ClientOptions): Client<ControlApi> {
  const { credentials, gate = createAnswerGate(), instance, skew, clock } = options
  const named: Record<string, string> = instance === undefined ? {} : { [instanceHeader]: instance }
  const judged: Transport = async (request) => {
    let sentMs = clock?.now() ?? 0
    const onSend = (): void => {
      sentMs = clock?.now() ?? 0
    }
    const headers = { ...request.headers, ...named }
    const response = await transport({ ...request, headers }, onSend).catch((error: unknown) => {
      gate.failed(error)
      throw error
    })
    gate.judge(response)
    skew?.observe(response.headers.date, sentMs)
    return response
  }
  const { limits = defaults } = options
  return createClient(controlApi, askingAs(judged, credentials), credentials.bearer, (text) =>
    parseWithin(text, limits),
  )
}

/** A state is parsed part by part instead. */
function parseWithin(
  text: string,
  { answer_bytes: maxBytes, answer_values: maxValues }: AnswerLimits,
): unknown {
  const passed = passedBound(text, { maxBytes, maxDepth, maxValues })
  const why = {
    bytes: `it is larger than ${maxBytes} bytes (limit answer_bytes)`,
    depth: `it is nested deeper than ${maxDepth}`,
    values: `it has more than ${maxValues} values (limit answer_values)`,
  }
  if (passed) throw new RangeError(`read answer of the control plane: ${why[passed]}`)
  return JSON.parse(text)
}

const maxDepth = 64

/** The control plane refuses an old token once it has seen the new one. */
function askingAs(transport: Transport, credentials: Credentials): Transport {
  return (request) => {
    if (request.headers.authorization === undefined) return transport(request)
    const ask = (bearer: string) =>
      transport({
        ...request,
        headers: { ...request.headers, authorization: `Bearer ${bearer}` },
      })
    return askAs(credentials, { ask, isRefused: ({ status }) => status === 401 })
  }
}
