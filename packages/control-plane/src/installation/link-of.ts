import { createSecretKey } from 'node:crypto'
import type { Link } from '../replicas/forwarder.ts'
import type { Announced } from '../store/postgres/control-planes.ts'

/** The way to the one that serves: of several that say so the last, as those before have lost their turn; undefined where it names none. Pure. */
export function linkOf(
  others: readonly Pick<Announced, 'state' | 'sinceMs' | 'address' | 'link'>[],
): Link | undefined {
  const serving = others.filter(({ state, address }) => state === 'serving' && address !== '')
  const [last] = serving.toSorted((one, other) => other.sinceMs - one.sinceMs)
  if (!last) return undefined
  const [, host = '', port] = /^\[?(.+?)\]?:(\d+)$/.exec(last.address) ?? []
  // Whoever connects to no port is thrown at.
  if (!(Number(port) > 0 && Number(port) <= 65_535)) return undefined
  return { host, port: Number(port), key: createSecretKey(Buffer.from(last.link, 'base64')) }
}
