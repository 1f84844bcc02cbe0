import { createSecretKey } from 'node:crypto'
import type { Link } from '../../replicas/forwarder.ts'
import { readPeerAddress } from '../../replicas/peer-address.ts'
import type { Announced } from '../../store/postgres/control-planes.ts'

/** The way to the one that serves: of several that say so the last, as those before have lost their turn; undefined where it names none. Pure. */
export function linkOf(
  others: readonly Pick<Announced, 'state' | 'sinceMs' | 'address' | 'link'>[],
): Link | undefined {
  const serving = others.filter(({ state, address }) => state === 'serving' && address !== '')
  const [last] = serving.toSorted((one, other) => other.sinceMs - one.sinceMs)
  if (!last) return undefined
  const address = readPeerAddress(last.address)
  return address && { ...address, key: createSecretKey(Buffer.from(last.link, 'base64')) }
}
