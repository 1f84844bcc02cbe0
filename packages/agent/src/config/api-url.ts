import { isLoopback } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'

/**
 * The URL without a trailing slash. Must be `https://`, because it carries a bearer token and the desired state. `http://`
 * is only for trials on the same machine, and has to be allowed explicitly.
 */
export function checkApiUrl(text: string, insecureHttp: boolean): string {
  const refuse = (why: string): CliError =>
    new CliError(`control plane URL "${withoutUser(text)}": ${why}`, exitCodes.usage)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw refuse('want https://HOST[:PORT]')
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw refuse('want no user, query or fragment')
  }
  if (url.protocol === 'http:') {
    if (!isLoopback(url.hostname)) throw refuse('plain HTTP shows tokens to the network: use https')
    if (!insecureHttp) throw refuse('plain HTTP: use https, or add --insecure-http for a trial')
  }
  return url.href.replace(/\/$/, '')
}

/** What is refused is shown, and may have a password in it. */
function withoutUser(text: string): string {
  return text.replace(/^([^/]*\/\/)?[^/?#]*@/, '$1[redacted]@')
}
