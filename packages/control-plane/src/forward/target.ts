import type { TelemetryKind } from '@plexd/protocol'
import {
  createHttpTransport,
  describeError,
  type HttpTransport,
  readSecretFile,
} from '@plexd/runtime'
import type { ForwardSettings } from '../config/forwards.ts'
import { version } from '../version.ts'
import { judgeAnswer, type Verdict } from './protocols/answer.ts'
import type { ForwardRequest, Outgoing } from './protocols/outgoing.ts'
import type { Divide } from './protocols/parts.ts'
import { encoderOf, protocols } from './protocols/protocols.ts'

/** Where records of a kind are passed on to. Disposing closes its connections. */
export interface Target extends Disposable {
  /** Into those of one request each. */
  divide: Divide
  /** Sends them once. `count`: the log records, or values of metrics. Rejects only with the reason of the signal. */
  send(
    records: readonly Outgoing<unknown>[],
    signal: AbortSignal,
  ): Promise<{ verdict: Verdict; count: number }>
}

/** In which a target has to answer. */
const timeoutMs = 30_000
/** What an answer may say; a longer one is none. */
const maxResponseBytes = 1024 ** 2

export function openTarget(
  settings: ForwardSettings,
  records: TelemetryKind,
  nameOf: (nodeId: string) => string | undefined,
): Target {
  const { kind } = settings
  const { origin, pathname, search } = new URL(settings.url)
  const { answers, createDivide, isPacked } = protocols[kind]
  const encode = encoderOf(kind, records)
  // Opened by the first request: a file that is missing then may be there later.
  let transport: HttpTransport | undefined

  function post({ path, headers, body }: ForwardRequest, signal: AbortSignal) {
    transport ??= createHttpTransport({
      baseUrl: origin,
      userAgent: `plexd-control-plane/${version}`,
      timeoutMs,
      maxResponseBytes,
      gzipOverBytes: isPacked ? Number.POSITIVE_INFINITY : 1_024,
      ...(settings.caFile === undefined ? {} : { caFile: settings.caFile }),
    })
    return transport({
      method: 'POST',
      path: `${path === '' ? pathname : pathname.replace(/\/$/, '') + path}${search}`,
      headers: { ...readHeaders(settings), ...headers },
      body,
      signal,
    })
  }

  return {
    divide: createDivide(),
    async send(records, signal) {
      const request = encode(records, nameOf)
      if (!request) return { verdict: { type: 'sent', refused: 0 }, count: 0 }
      const { count } = request
      try {
        return { verdict: judgeAnswer(answers, await post(request, signal)), count }
      } catch (error) {
        signal.throwIfAborted()
        return { verdict: { type: 'later', why: describeError(error) }, count }
      }
    },
    [Symbol.dispose]: () => transport?.[Symbol.dispose](),
  }
}

/** Those of files; errors name the file, and nothing of what is in it. */
export function readHeaders({ name, headerFiles }: ForwardSettings): Record<string, string> {
  const pairs = Object.entries(headerFiles).map(([header, file]) => {
    const value = readSecretFile(file, `read header of forward "${name}"`).trim()
    if (!/^[\x20-\x7e]+$/.test(value))
      throw new Error(
        `read header of forward "${name}" in "${file}": want one line of printable ASCII`,
      )
    return [header, value] as const
  })
  return Object.fromEntries(pairs)
}
