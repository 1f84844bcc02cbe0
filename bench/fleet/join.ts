import type { AdminApi, Client, PolicyRule } from '@plexd/protocol'
import { inParallel } from './in-parallel.ts'
import type { Identity } from './worker/worker-api.ts'

/** Who sees whom. All of them each other, or the members of each group of 50. */
export type Topology = 'full' | 'groups'

export const groupSize = 50

/** The policy that a new tenant starts with. */
const policyName = 'allow-all'

/**
 * Registers agents, each with a token of its own. Meanwhile no node sees another, because the answer to a registration
 * lists all peers. Rejects when one is refused.
 */
export async function join(
  admin: Client<AdminApi>,
  count: number,
  register: (tokens: string[]) => Promise<Identity[]>,
): Promise<Identity[]> {
  await putRules(admin, [])
  const identities = await register(await createTokens(admin, count))
  if (identities.length < count)
    throw new Error(`join: ${count - identities.length} of ${count} agents were refused`)
  return identities
}

/** Bootstrap tokens work once, so there is one for each agent, with the labels that it will have. */
export function createTokens(admin: Client<AdminApi>, count: number): Promise<string[]> {
  const numbers = Array.from({ length: count }, (_, index) => index)
  return inParallel(numbers, 64, async (index) => {
    const metadata = { group: `g${Math.floor(index / groupSize)}`, role: `r${index % 10}` }
    const { body } = await admin.createToken({ body: { ttl: '24h', metadata } })
    return body.token
  })
}

/** Replaces the rules of the tenant. */
export async function putRules(
  admin: Client<AdminApi>,
  rules: readonly PolicyRule[],
): Promise<void> {
  await admin.putPolicy({
    params: { name: policyName },
    body: { name: policyName, rules: [...rules] },
  })
}

export function rulesOf(topology: Topology, agents: number): PolicyRule[] {
  if (topology === 'full') return [{ from: '*', to: '*', action: 'allow' }]
  return Array.from({ length: Math.ceil(agents / groupSize) }, (_, index) => ({
    from: `group=g${index}`,
    to: `group=g${index}`,
    action: 'allow' as const,
  }))
}
