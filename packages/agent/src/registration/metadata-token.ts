import type { AgentConfig } from '../config/agent-config.ts'

/** The link-local address of the instance metadata service, the same in every cloud. */
const metadataService = 'http://169.254.169.254'

/**
 * The bootstrap token from the cloud's metadata (IMDSv2: with a session token, which services without sessions
 * refuse). Undefined if there is no such service or entry.
 */
export async function fetchMetadataToken(
  config: Pick<AgentConfig, 'tokenMetadataPath' | 'tokenMetadataTimeoutMs'>,
  baseUrl = metadataService,
): Promise<string | undefined> {
  const signal = (): AbortSignal => AbortSignal.timeout(config.tokenMetadataTimeoutMs)
  const session = await textOf(
    fetch(`${baseUrl}/latest/api/token`, {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' },
      signal: signal(),
    }),
  )
  const headers: Record<string, string> = session ? { 'x-aws-ec2-metadata-token': session } : {}
  return textOf(fetch(baseUrl + config.tokenMetadataPath, { headers, signal: signal() }))
}

async function textOf(response: Promise<Response>): Promise<string | undefined> {
  try {
    const answer = await response
    return answer.status === 200 ? await shortText(answer) : undefined
  } catch {
    return undefined // no such service
  }
}

/** More than any session or token has. */
const maxBytes = 16 * 1024

/** Throws a RangeError if the body is longer than that. */
async function shortText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new RangeError(`read metadata token: more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
