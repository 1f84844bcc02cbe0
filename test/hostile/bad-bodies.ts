import { gzipSync } from 'node:zlib'
import { boundRefusal, jsonBoundsOf, type Operation } from '@plexd/protocol'

/** A body that no operation should read to its end, and the status that its row names for it. */
export interface BadBody {
  what: string
  body: Uint8Array | string
  headers?: Record<string, string>
  status: number
}

/** One of each kind for an operation with a JSON body. Larger ones than a mebibyte come packed. */
export function badBodies(operation: Operation): BadBody[] {
  const { maxBytes, maxDepth, maxValues } = jsonBoundsOf(operation)
  const statusOf = (bound: Parameters<typeof boundRefusal>[1]): number =>
    boundRefusal(operation, bound).status
  const plain = (what: string, status: number, body: string): BadBody =>
    body.length <= 1024 * 1024 ? { what, body, status } : packed({ what, body, status })
  return [
    plain('deep', statusOf('depth'), `[${'['.repeat(maxDepth)}`),
    plain('wide', statusOf('values'), `[${'1,'.repeat(Math.min(maxValues, maxBytes / 2 - 2))}1]`),
    plain('a long string', statusOf('bytes'), `"${'x'.repeat(maxBytes)}"`),
    plain(
      'many keys',
      statusOf('values'),
      `{${'"":0,'.repeat(Math.min(maxValues, maxBytes / 5 - 2))}"":0}`,
    ),
    packed({ what: 'compressed', body: ' '.repeat(maxBytes + 1), status: statusOf('bytes') }),
    { what: 'a key that stands twice', body: '{"a":1,"\\u0061":2}', status: 400 },
    { what: 'a byte order mark and nothing', body: '\ufeff', status: 400 },
    { what: 'empty', body: '', status: 400 },
  ]
}

function packed({ body, ...rest }: BadBody): BadBody {
  return { ...rest, body: gzipSync(body, { level: 1 }), headers: { 'content-encoding': 'gzip' } }
}
