import { ApiError, codeOf } from '@plexd/protocol'
import type { FastifyError } from 'fastify'

export interface Problem {
  status: number
  headers: Record<string, string>
  body: { error: string; code: string; [detail: string]: unknown }
}

/** The error for the caller; a bare 500 if the caller did not cause it. `internal`: to be logged for the operator. */
export function problemOf(error: unknown): Problem & { internal: boolean } {
  if (error instanceof ApiError) {
    const retry = error.retryAfterSeconds
    return {
      status: error.status,
      headers: retry === undefined ? {} : { 'retry-after': String(Math.ceil(retry)) },
      body: { error: error.message, code: error.code, ...error.details },
      // Not for a client error, whatever its cause, because the cause may quote the body.
      internal: error.status === 500 || (error.status > 500 && error.cause !== undefined),
    }
  }
  const { statusCode, message } = error as Partial<FastifyError> // Fastify's own refusals carry a status
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return {
      status: statusCode,
      headers: {},
      body: { error: lowerCase(message), code: codeOf(statusCode) },
      internal: false,
    }
  }
  return {
    status: 500,
    headers: {},
    body: { error: 'internal error', code: 'internal' },
    internal: true,
  }
}

function lowerCase(message = ''): string {
  return message.charAt(0).toLowerCase() + message.slice(1)
}
