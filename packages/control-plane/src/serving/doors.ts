import type { AddressInfo } from 'node:net'
import type { Config } from '../config/config.ts'
import { listenOnSocket } from '../http/admin-socket.ts'
import { listenOn } from '../http/listen.ts'
import type { Servers } from './servers.ts'

/** The listen backlog, because a whole fleet connects at once. */
const backlog = 4_096

/** Lets in those who need no certificate of ours: operators on this machine, and monitors. May be repeated. */
export async function openPlainDoors(
  { admin, metrics }: Servers,
  config: Pick<Config, 'adminSocket' | 'metrics'>,
): Promise<void> {
  // First, before anything is served: the umask for the socket would affect files written at the same time.
  if (config.adminSocket !== undefined && !admin.server.listening)
    await listenOnSocket(admin, config.adminSocket)
  if (config.metrics && metrics && !metrics.server.listening)
    await listenOn(metrics, config.metrics, '--metrics-listen')
}

/** Lets in everybody; resolves to where. May be repeated. */
export async function openMainDoor(
  { main }: Servers,
  { listen }: Pick<Config, 'listen'>,
): Promise<AddressInfo> {
  if (!main.server.listening) await listenOn(main, { ...listen, backlog }, '--listen')
  return main.server.address() as AddressInfo // it listens on TCP
}
