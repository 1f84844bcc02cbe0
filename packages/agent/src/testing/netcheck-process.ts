/** Looks once at the network it runs in: `LISTEN_PORT SERVER...`. Prints what it found as JSON. */
import { createLog, systemClock } from '@plexd/runtime'
import { checkNetwork } from '../nat/netcheck.ts'

const [listenPort, ...servers] = process.argv.slice(2)
const found = await checkNetwork(
  {
    servers: () => servers,
    listenPort: Number(listenPort),
    meshInterface: 'plexd0',
    clock: systemClock,
    log: createLog('netcheck', 'warn'),
  },
  AbortSignal.timeout(60_000),
)
process.stdout.write(JSON.stringify(found))
