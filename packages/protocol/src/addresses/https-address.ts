/** What a person takes for one: no path, nothing after it, and nothing that a parser of URLs would pass over, such as a line end. */
const spelling = /^https:\/\/[^\s/\\?#@]+\/?$/i

/** `https://HOST[:PORT]` as it is compared; undefined for whatever nodes could not go to. */
export function readHttpsAddress(text: string): string | undefined {
  const url = spelling.test(text) ? URL.parse(text) : null
  if (!url || url.port === '0' || everywhere.includes(url.hostname)) return undefined
  return url.origin
}

/** A server may listen on these; nobody is there. */
const everywhere = ['0.0.0.0', '[::]']
