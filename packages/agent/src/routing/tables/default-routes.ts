import { closeSync, openSync, readSync } from 'node:fs'

export interface DefaultRoute {
  dev: string
  /** Eight hexadecimal digits, as the kernel prints it. */
  gateway: string
  metric: string
}

/** The default routes in the text of /proc/net/route, the preferred one first. Pure. */
export function defaultRoutes(table: string): DefaultRoute[] {
  return table
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(([, destination, , , , , , mask]) => destination === none && mask === none)
    .map(([dev = '', , gateway = '', , , , metric = '']) => ({ dev, gateway, metric }))
    .toSorted((one, other) => Number(one.metric) - Number(other.metric))
}

const none = '00000000'

/** Those of this machine; none if the table cannot be read. */
export function readDefaultRoutes(): DefaultRoute[] {
  try {
    const file = openSync('/proc/self/net/route', 'r')
    try {
      // The default routes come first; a router may have a million others.
      const bytes = Buffer.alloc(4_096)
      return defaultRoutes(bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, 0)))
    } finally {
      closeSync(file)
    }
  } catch {
    return []
  }
}
