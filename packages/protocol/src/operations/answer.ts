import type { TransportResponse } from './transport.ts'

/** Our extension: the header on every answer of our control plane; it names the run (life) of the control plane. */
export const answerHeader = 'plexd-control-plane'

/**
 * Who an answer seems to come from. `ours`: it has the header, and a body as our control plane writes it for that status.
 * `html`: a web page, which no API returns. `bare`: anything else, from another control plane or from something in between.
 */
export type AnswerForm = 'ours' | 'bare' | 'html'

/** Pure; leave out the body of a stream that is still open. */
export function formOf(answer: TransportResponse): AnswerForm {
  if (isPage(answer)) return 'html'
  return (answer.headers[answerHeader] ?? '') !== '' && isWhole(answer) ? 'ours' : 'bare'
}

function isPage({ headers, body }: TransportResponse): boolean {
  return /^(text\/html|application\/xhtml)/i.test(typeOf(headers)) || /^\s*</.test(body)
}

/** Whether the answer has everything that the control plane sends with this status. */
function isWhole({ status, headers, body }: TransportResponse): boolean {
  if (status === 304) return true
  const type = typeOf(headers)
  if (status >= 200 && status <= 299)
    return isJson(type)
      ? /^\s*[[{]/.test(body) && /[\]}]\s*$/.test(body.slice(-64))
      : wholeWithout.test(type)
  return isJson(type) && isFailure(body)
}

/** Whether a control plane says that it does not serve yet, or not any more: another one of the installation may. */
export function notServing(answer: TransportResponse): boolean {
  return answer.status === 503 && isJson(typeOf(answer.headers)) && saysPhase(errorIn(answer.body))
}

/** Of the control plane itself, not of its database, which may be starting, too. */
export function saysPhase(error: unknown): boolean {
  return /^(waiting: |the control plane is (waiting|starting|stopping)\b)/.test(String(error))
}

function errorIn(body: string): unknown {
  try {
    return body.length > maxErrorChars ? undefined : Object(JSON.parse(body)).error
  } catch {
    return undefined
  }
}

/** Successful answers that are not JSON. Whether a stream or a file is complete is for its reader to check. */
const wholeWithout =
  /^(text\/event-stream|application\/octet-stream|application\/x-asciicast|text\/plain)/i

const typeOf = (headers: Record<string, string>): string => headers['content-type'] ?? ''

const isJson = (type: string): boolean => /^application\/json\s*(;|$)/i.test(type)

/** The conflicts of a large report batch take a few hundred kilobytes. */
export const maxErrorChars = 1024 * 1024

/** `{ "error": text, "code": code }`, possibly with more fields. */
function isFailure(body: string): boolean {
  if (body.length > maxErrorChars) return false
  try {
    const { error, code } = Object(JSON.parse(body))
    return typeof error === 'string' && typeof code === 'string'
  } catch {
    return false
  }
}
