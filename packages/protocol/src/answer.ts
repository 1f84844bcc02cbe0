import type { TransportResponse } from './transport.ts'

/** Our extension: every answer of our control plane has this header, which names the run of the control plane. */
export const answerHeader = 'plexd-control-plane'

/**
 * What an answer shows of who gave it. `ours`: the header, and a body as the control plane writes it for that status.
 * `html`: a page for people, which no API gives. `bare`: neither; another control plane, or something on the way.
 */
export type AnswerForm = 'ours' | 'bare' | 'html'

/** Pure; the body of a stream that goes on is left out. */
export function formOf(answer: TransportResponse): AnswerForm {
  if (isPage(answer)) return 'html'
  return (answer.headers[answerHeader] ?? '') !== '' && isWhole(answer) ? 'ours' : 'bare'
}

function isPage({ headers, body }: TransportResponse): boolean {
  return /^(text\/html|application\/xhtml)/i.test(typeOf(headers)) || /^\s*</.test(body)
}

/** Whether nothing is missing of what the control plane sends with this status. */
function isWhole({ status, headers, body }: TransportResponse): boolean {
  if (status === 304) return true
  const type = typeOf(headers)
  if (status >= 200 && status <= 299)
    return isJson(type)
      ? /^\s*[[{]/.test(body) && /[\]}]\s*$/.test(body.slice(-64))
      : wholeWithout.test(type)
  return isJson(type) && isFailure(body)
}

/** Successes that are no JSON. Whether a stream or a file goes on is for its reader to see. */
const wholeWithout = /^(text\/event-stream|application\/octet-stream|text\/plain)/i

const typeOf = (headers: Record<string, string>): string => headers['content-type'] ?? ''

const isJson = (type: string): boolean => /^application\/json\s*(;|$)/i.test(type)

/** The conflicts of a large report are some hundred kilobytes. */
export const maxErrorChars = 1024 * 1024

/** `{ "error": text, "code": code }`, and whatever else. */
function isFailure(body: string): boolean {
  if (body.length > maxErrorChars) return false
  try {
    const { error, code } = Object(JSON.parse(body))
    return typeof error === 'string' && typeof code === 'string'
  } catch {
    return false
  }
}
