import { CliError, describeError, exitCodes, proxyFor } from '@plexd/runtime'
import type { AgentConfig } from './agent-config.ts'
import { checkApiUrl } from './api-url.ts'
import type { Place } from './place.ts'

/** Each has connections of its own. */
const maxPlaces = 8

/** Those that are named, in the order of preference; a list is one text with commas in between. Throws a CliError. */
export function readPlaces(
  { apiUrl, insecureHttp }: Pick<AgentConfig, 'apiUrl' | 'insecureHttp'>,
  env: NodeJS.ProcessEnv,
): Place[] {
  const urls = readUrls(apiUrl, insecureHttp)
  return urls.map((url) => ({ apiUrl: url, proxyUrl: readProxy(url, env) }))
}

/** The same without the way there. */
export function readUrls(text: string, insecureHttp: boolean): string[] {
  const named = text.split(',').map((part) => part.trim())
  const urls = [...new Set(named.filter((part) => part !== ''))]
  if (urls.length > maxPlaces)
    throw new CliError(
      `control plane "${text.slice(0, 256)}": ${urls.length} addresses, want ${maxPlaces} at most`,
      exitCodes.usage,
    )
  return [...new Set(urls.map((url) => checkApiUrl(url, insecureHttp)))]
}

type Placed = Pick<AgentConfig, 'apiUrl'> & Partial<Pick<AgentConfig, 'proxyUrl' | 'otherPlaces'>>

/** All addresses of the control plane, the preferred one first. */
export function placesOf({ apiUrl, proxyUrl, otherPlaces = [] }: Placed): Place[] {
  return [{ apiUrl, proxyUrl }, ...otherPlaces]
}

/** Where the packets for them go: with a proxy that is its address. */
export function destinationsOf(config: Placed): string[] {
  return [...new Set(placesOf(config).map(({ apiUrl, proxyUrl }) => proxyUrl ?? apiUrl))]
}

/** Whether this is one of them. */
export function namesPlace(config: Placed, url: string): boolean {
  return placesOf(config).some(({ apiUrl }) => apiUrl === url)
}

/** As they are written in a setting. */
export function urlsOf(config: Placed): string {
  return placesOf(config)
    .map((place) => place.apiUrl)
    .join(',')
}

function readProxy(apiUrl: string, env: NodeJS.ProcessEnv): string | undefined {
  try {
    return proxyFor(apiUrl, env)
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}
