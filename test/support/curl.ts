import { runToEnd } from '../../scripts/programs/program.ts'

/** An answer as curl shows it. */
export interface CurlAnswer {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  text: string
  /** The body, taken for what the caller expects; throws when it is not JSON. */
  json<Body = unknown>(): Body
}

/** Asks as the guide does: `curl --unix-socket SOCKET http://localhost/PATH`. Rejects with curl's words when no answer comes. */
export function curlSocket(socket: string, path: string, ...args: string[]): Promise<CurlAnswer> {
  return curl('--unix-socket', socket, ...args, `http://localhost${path}`)
}

export async function curl(...args: string[]): Promise<CurlAnswer> {
  return parseCurl(await runToEnd('curl', [...curlFlags, ...args]))
}

/** What `parseCurl` wants curl to print; no path is tidied up before it is sent. */
export const curlFlags = [
  '--silent',
  '--show-error',
  '--include',
  '--path-as-is',
  '--max-time',
  '20',
]

export function parseCurl({
  code,
  stdout,
  stderr,
}: {
  code: number
  stdout: string
  stderr: string
}): CurlAnswer {
  if (code !== 0) throw new Error(`curl ended with code ${code}: ${stderr.trim()}`)
  // Each "100 Continue" has a head of its own.
  const [, head = '', text = ''] =
    /^(?:HTTP\/1\.1 1\d\d.*?\r\n\r\n)*(.*?)\r\n\r\n(.*)$/s.exec(stdout) ?? []
  const [first = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line) => {
    const at = line.indexOf(':')
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
  })
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(headers),
    text,
    json: () => JSON.parse(text),
  }
}
