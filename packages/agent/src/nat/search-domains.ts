/**
 * The names by which to ask name servers for a host. One with a dot is whole: asked with a search domain behind it, it could
 * be another machine of whoever owns that. One without is completed, as the resolver of the system does with that of
 * the control plane. `resolvConf` is the text of /etc/resolv.conf. Pure.
 */
export function namesToAsk(host: string, resolvConf: string): string[] {
  if (host.includes('.')) return [host]
  return [...searchDomains(resolvConf).map((domain) => `${host}.${domain}`), host]
}

/** The last line that names some counts (resolv.conf(5)). */
function searchDomains(resolvConf: string): string[] {
  const lines = resolvConf.split('\n').map((line) => line.trim().split(/\s+/))
  const last = lines.findLast(([key]) => key === 'search' || key === 'domain')
  return (last ?? []).slice(1).filter((domain) => domain !== '.')
}
