import { closeSync, openSync, readSync } from 'node:fs'

/** A way out of this machine. */
export interface DefaultRoute {
  dev: string
  /** As the kernel prints it, eight hexadecimal digits. */
  gateway: string
  metric: string
}

/** The default routes in the text of /proc/net/route, in the order of preference. Pure. */
export function defaultRoutes(table: string): DefaultRoute[] {
  return table
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(([, destination, , , , , , mask]) => destination === none && mask === none)
    .map(([dev = '', , gateway = '', , , , metric = '']) => ({ dev, gateway, metric }))
    .toSorted((one, other) => Number(one.metric) - Number(other.metric))
}

const none = '00000000'

/** The beginning of the main table, where the default routes stand: a router may have a million others. Empty where it cannot be read. */
export function readRouteTable(path = '/proc/self/net/route'): string {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(4_096)
      return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, 0))
    } finally {
      closeSync(file)
    }
  } catch {
    return ''
  }
}
