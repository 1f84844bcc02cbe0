import { setTimeout as delay } from 'node:timers/promises'
import type { Namespace } from './namespace.ts'

/** Starts a coturn on two addresses; resolves when it answers. */
export async function runStunServer(
  { spawn, exec }: Pick<Namespace, 'spawn' | 'exec'>,
  addresses: readonly string[],
): Promise<void> {
  // Without -n it would read the machine's configuration.
  const listen = addresses.flatMap((address) => ['-L', address])
  const files = ['--log-file', 'stdout', '--pidfile', '/run/turnserver.pid', '--no-cli']
  const server = spawn(['turnserver', '-n', '-S', ...listen, ...files])
  server.stdout?.resume()
  server.stderr?.resume()
  for (let attempt = 0; attempt < 100; attempt++) {
    const sockets = await exec(['cat', '/proc/net/udp'])
    if (sockets.split(port3478).length > addresses.length) return
    if (server.exitCode !== null) throw new Error(`start turnserver: exit code ${server.exitCode}`)
    await delay(50)
  }
  throw new Error('start turnserver: it does not listen after five seconds')
}

/** As /proc/net/udp writes it. */
const port3478 = `:${(3478).toString(16).toUpperCase().padStart(4, '0')} `
