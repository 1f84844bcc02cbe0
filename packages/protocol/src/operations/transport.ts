/** One request and its answer over any transport: TLS, a Unix socket, a test. Rejects if there was no answer. */
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
  /** The remote address of the answer, if known. */
  from?: string | undefined
}
