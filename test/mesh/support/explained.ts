import { describeError } from '@plexd/runtime'
import type { MeshMember } from '../../../scripts/programs/mesh-system.ts'

/**
 * Does what should succeed; where it fails, the error tells how these members are at that moment. What happens once in a
 * thousand runs cannot be looked at again.
 */
export async function explained<T>(
  members: readonly MeshMember[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const texts = await Promise.all(members.map(describeMember))
    throw new Error([describeError(cause), ...texts].join('\n\n'), { cause })
  }
}

/** What keeps a packet: none of it shows a secret. */
const looks = [
  ['date', '+%T.%N'],
  ['wg', 'show', 'plexd0'],
  ['ip', '-s', 'link', 'show', 'plexd0'],
  ['ip', 'rule'],
  ['ip', 'route', 'show', 'table', '8293'],
  ['nft', 'list', 'ruleset'],
] as const
const logLines = 80

async function describeMember({ name, meshIp, host, agent }: MeshMember): Promise<string> {
  const seen = await Promise.all(
    looks.map(async (look) => {
      const text = await host.exec(look).catch((error: unknown) => describeError(error))
      return `$ ${look.join(' ')}\n${text}`
    }),
  )
  const log = (await agent.program().log()).trimEnd().split('\n').slice(-logLines)
  return [`== ${name} ${meshIp}, at ${host.address}`, ...seen, ...log].join('\n')
}
