import { CliError } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { checkApiUrl } from '../config/api-url.ts'
import { namesPlace, urlsOf } from '../config/places.ts'
import { holdsAuthority } from './authority.ts'
import { givenJoin, type JoinSources, parseJoin } from './join-string.ts'

/**
 * A machine that is enrolled already may be given a join string again, as by a tool that runs at each boot. Throws a CliError
 * if that is for another control plane than the one that `hostname` belongs to: nobody would see why it does not join.
 */
export async function refuseAnother(
  config: AgentConfig,
  hostname: string,
  sources: JoinSources,
): Promise<void> {
  if (config.apiUrl === '') return // it is not known which one that is
  const text = await givenJoin(config, sources)
  if (text === undefined) return
  const { url, ca } = parseJoin(text)
  if (namesPlace(config, checkApiUrl(url, config.insecureHttp))) return
  const { caFile } = config
  // The same control plane by another address.
  if (ca !== undefined && caFile !== undefined && (await holdsAuthority(caFile, ca))) return
  throw new CliError(
    `join "${url}": this machine is enrolled already, as "${hostname}" of "${urlsOf(config)}": to move it, leave with "plexd deregister --purge" and join again; nothing was changed, and the token is still good`,
  )
}
