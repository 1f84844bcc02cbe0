/** Error codes and their HTTP status. The body is always `{ "error": text, "code": code }`. */
export const statusOf = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  upgrade_required: 426,
  too_many_requests: 429,
  internal: 500,
  unavailable: 503,
  insufficient_storage: 507,
} as const

export type ErrorCode = keyof typeof statusOf

/** A failure the caller can act on; `message` is sent to the caller verbatim. */
export class ApiError extends Error {
  readonly code: ErrorCode
  readonly status: number
  /** Seconds after which to retry; sent as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined
  /** Further fields of the error body, such as the list of conflicts. */
  readonly details: Record<string, unknown> | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      cause?: unknown
      status?: number
      retryAfterSeconds?: number
      details?: Record<string, unknown>
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ApiError'
    this.code = code
    this.status = options.status ?? statusOf[code]
    this.retryAfterSeconds = options.retryAfterSeconds
    this.details = options.details
  }
}

/** The code for an HTTP status; an unlisted status is treated like its class (4xx or 5xx). */
export function codeOf(status: number): ErrorCode {
  const exact = Object.entries(statusOf).find(([, value]) => value === status)
  if (exact) return exact[0] as ErrorCode // the key of an entry of statusOf
  return status >= 500 ? 'internal' : 'bad_request'
}
