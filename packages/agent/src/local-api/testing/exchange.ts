import http from 'node:http'

export type Send = (
  method: string,
  path: string,
  options?: { headers?: Record<string, string>; body?: string | Buffer },
) => Promise<LocalResponse>

export interface LocalResponse {
  status: number
  headers: http.IncomingHttpHeaders
  /** As it came. */
  text: string
  /** Parsed; undefined when it is no JSON. */
  json: unknown
}

export function exchange(
  where: http.RequestOptions,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<LocalResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<LocalResponse>()
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const request = http.request({ ...where, headers: { ...length, ...headers } })
  request.on('error', reject)
  request.on('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text,
        json: parse(text),
      })
    })
  })
  request.end(body)
  return promise
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
