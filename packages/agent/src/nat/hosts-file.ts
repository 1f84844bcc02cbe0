/** The addresses of a name in a text like that of /etc/hosts, in its order; names are compared without case. */
export function addressesInHosts(text: string, name: string): string[] {
  const wanted = name.toLowerCase()
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    return names.some((each) => each.toLowerCase() === wanted) ? [address] : []
  })
}
