import { gzipSync } from 'node:zlib'
import {
  adminApi,
  boundRefusal,
  controlApi,
  fillPath,
  jsonBoundsOf,
  localApi,
  type Operation,
} from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { goodRequest, type Target } from './good-requests.ts'
import { openRaw, type Place, type RawAnswer } from './raw-connection.ts'

/** What nobody should read to its end, sent as the body of a good request, and the status that its row names for it. */
export interface HostileBody {
  what: string
  /** Beside those of the request. */
  headers: Readonly<Record<string, string>>
  /** What follows the head; some have no end. */
  pieces(): Iterable<string | Uint8Array>
  /** How often it is sent at once; once when left out. */
  times?: number
  status: number
}

/** One of each kind, for an operation with a JSON body. What is larger than a mebibyte comes packed. */
export function hostileBodies(operation: Operation): HostileBody[] {
  const { maxBytes, maxDepth, maxValues } = jsonBoundsOf(operation)
  const statusOf = (bound: Parameters<typeof boundRefusal>[1]): number =>
    boundRefusal(operation, bound).status
  const repeated = (text: string): string =>
    text.repeat(Math.min(maxValues, maxBytes / text.length - 2))
  const deep = whole('deep', statusOf('depth'), '['.repeat(maxDepth + 1))
  return [
    deep,
    whole('wide', statusOf('values'), `[${repeated('1,')}1]`),
    whole('long', statusOf('bytes'), `"${'x'.repeat(maxBytes)}"`),
    whole('many keys', statusOf('values'), `{${repeated('"":0,')}"":0}`),
    packed('compressed', statusOf('bytes'), ' '.repeat(maxBytes + 1)),
    whole('repeated keys', 400, '{"a":1,"\\u0061":2}'),
    whole('marked and empty', 400, '\ufeff'),
    whole('empty', 400, ''),
    { ...deep, what: 'twenty at once', times: 20 },
    slow,
    {
      what: 'never ending',
      headers: { 'transfer-encoding': 'chunked' },
      pieces: endless,
      status: statusOf('bytes'),
    },
  ]
}

const apis = { control: controlApi, admin: adminApi, local: localApi }

/** An operation that takes JSON. */
export interface Aim {
  api: keyof typeof apis
  name: string
  operation: Operation
}

/** All there are. */
export const aims: readonly Aim[] = (['control', 'admin', 'local'] as const).flatMap((api) =>
  Object.entries<Operation>(apis[api]).flatMap(([name, operation]) =>
    operation.request === undefined && operation.requestKind !== 'batch'
      ? []
      : { api, name, operation },
  ),
)

/** What a request begins with that would be taken, up to the headers of its body. */
export function headFor({ api, name, operation }: Aim, target: Target): string {
  const { params, token } = goodRequest(target, name, operation)
  // Nothing is unpacked for who registers without a token that could be used.
  const bearer = operation.auth === 'bootstrap' ? target.bootstrapToken : token
  return (
    `${operation.method} ${fillPath(operation.path, params)} HTTP/1.1\r\nHost: x\r\n` +
    (api === 'local' ? '' : `Authorization: Bearer ${bearer}\r\n`) +
    'Content-Type: application/json\r\n'
  )
}

/** The same for every operation: its end never comes. */
export const slow: HostileBody = {
  what: 'slow',
  headers: { 'content-length': '100' },
  pieces: () => ['{'],
  status: 408,
}

/** Sends it on a connection of its own. Resolves to the answers, as many as have come until the signal. */
export async function sendHostile(
  place: Place,
  head: string,
  { headers, pieces, times = 1 }: HostileBody,
  signal?: AbortSignal,
): Promise<RawAnswer[]> {
  using raw = await openRaw(place, signal)
  const isOver = (): boolean => raw.answers().length >= times || !raw.isOpen()
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  for (let time = 0; time < times; time++) {
    raw.write(`${head}${lines.join('')}\r\n`)
    for (const piece of pieces()) {
      if (isOver()) break
      await raw.send(piece)
    }
  }
  await until(`${times} answers come, or the end`, isOver, 60_000)
  return raw.answers()
}

function whole(what: string, status: number, text: string): HostileBody {
  if (text.length > 1024 * 1024) return packed(what, status, text)
  const headers = { 'content-length': String(Buffer.byteLength(text)) }
  return { what, status, headers, pieces: () => [text] }
}

function packed(what: string, status: number, text: string): HostileBody {
  const bytes = gzipSync(text, { level: 1 })
  const headers = { 'content-encoding': 'gzip', 'content-length': String(bytes.length) }
  return { what, status, headers, pieces: () => [bytes] }
}

function* endless(): Generator<Uint8Array> {
  const piece = Buffer.from(`10000\r\n${' '.repeat(65_536)}\r\n`)
  for (;;) yield piece
}
