/** One exchange over whatever carries it: TLS, a Unix socket, a test. Rejects when no answer came. */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>

export interface TransportRequest {
  method: string
  /** Path and query, encoded. */
  path: string
  headers: Record<string, string>
  body?: string | Uint8Array
  signal?: AbortSignal
}

export interface TransportResponse {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  body: string
  /** The address that it came from, where one is known. */
  from?: string | undefined
}
