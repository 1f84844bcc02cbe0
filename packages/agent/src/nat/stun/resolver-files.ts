/** The addresses of a name in the text of /etc/hosts, in its order; case is ignored. Pure. */
export function addressesInHosts(text: string, name: string): string[] {
  const wanted = name.toLowerCase()
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    return names.some((each) => each.toLowerCase() === wanted) ? [address] : []
  })
}

/**
 * The names to ask name servers for. A host with a dot is complete: with a search domain appended it could be a machine of
 * that domain's owner. `resolvConf` is the text of /etc/resolv.conf. Pure.
 */
export function namesToAsk(host: string, resolvConf: string): string[] {
  if (host.includes('.')) return [host]
  return [...searchDomains(resolvConf).map((domain) => `${host}.${domain}`), host]
}

/** Of several lines the last one counts (resolv.conf(5)). */
function searchDomains(resolvConf: string): string[] {
  const lines = resolvConf.split('\n').map((line) => line.trim().split(/\s+/))
  const last = lines.findLast(([key]) => key === 'search' || key === 'domain')
  return (last ?? []).slice(1).filter((domain) => domain !== '.')
}
