import { type Heeded, isLoopback } from '@plexd/protocol'
import type { Change } from '../change.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { demandAddress } from './address.ts'
import { announce, authoritiesToTell } from './announcing.ts'
import type { Behind } from './behind.ts'
import { type Announced, whyAhead } from './sequence.ts'

/** The addresses as they are announced, each once. Throws an ApiError (400) for one that no node would go to. Pure. */
export function readUrls(given: readonly string[]): string[] {
  return [...new Set(given.map((text) => demandAddress('announce address', text)))]
}

/** Of addresses that may be a mistake. Pure. */
export function urlWarnings(urls: readonly string[]): string[] {
  return urls
    .filter((url) => isLoopback(new URL(url).hostname))
    .map((url) => `only the machine of the control plane reaches "${url}"`)
}

interface Place {
  change: Change
  noAuthority(): string | undefined
}

export async function announceUrls(
  { change, noAuthority }: Place,
  urls: readonly string[],
): Promise<void> {
  await change(async (unit) => {
    const authorities = await authoritiesToTell(unit.tx, noAuthority() === undefined)
    await announce(unit, { urls: [...urls], authorities })
  })
}

/** The nodes by how far they have come to the announced addresses. Pure. */
export function progressOf(
  nodes: Iterable<NodeRecord>,
  { urls, ...last }: Announced & { urls: readonly string[] },
  heededBy: (nodeId: string) => Heeded | undefined,
): { told: number; there: number; behind: Behind[] } {
  const behind: Behind[] = []
  let [told, there] = [0, 0]
  for (const node of nodes) {
    const heeded = heededBy(node.id)
    const isThere = heeded !== undefined && urls.includes(heeded.url)
    const isTold = heeded?.announcement === last.sequence
    if (isThere) there++
    if (isTold) told++
    const reason = isThere
      ? ''
      : (whyAhead(heeded?.announcement, last) ?? whyNot(node, isTold ? heeded : undefined))
    if (reason !== '') behind.push({ node_id: node.id, hostname: node.hostname, reason })
  }
  return { told, there, behind }
}

function whyNot({ is_go, status }: NodeRecord, told: Heeded | undefined): string {
  if (is_go) return 'it runs the Go agent, which cannot be told: change its settings'
  if (told) return told.problem
  return status === 'online' ? 'it has not said that it knows' : `it is ${status}`
}
