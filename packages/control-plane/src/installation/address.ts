import { ApiError, readHttpsAddress } from '@plexd/protocol'

/** An address that nodes are told of, as it is compared. Throws an ApiError (400), which begins with `what`, for one that they could not go to. Pure. */
export function demandAddress(what: string, text: string): string {
  const address = readHttpsAddress(text)
  if (address !== undefined) return address
  const shown = JSON.stringify(text.slice(0, 256))
  throw new ApiError('bad_request', `${what} ${shown}: want https://HOST[:PORT]`)
}
