import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  createLog,
  type DaemonStart,
  type Log,
  openServiceManager,
  runUntilSignal,
  startMemoryReturn,
  systemClock,
} from '@plexd/runtime'
import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import type { ControlPlane } from '../control-plane.ts'
import { probeControlPlane } from '../start/service-probe.ts'
import type { OnStep } from '../store/start-step.ts'
import { version } from '../version.ts'
import { addSettings, configOf, packagedFile } from './given-settings.ts'

const examples = `
Examples:
  # A private authority and certificate are made at first start; give nodes DIR/ca.crt.
  plexd-control-plane serve --data-dir /var/lib/plexd-control-plane --listen 0.0.0.0:8443

  # With a certificate of your own.
  plexd-control-plane serve --tls-cert server.crt --tls-key server.key --public-url https://plexd.example.com

  # Behind a proxy on the same machine, or to try it out.
  plexd-control-plane serve --data-dir ./data --listen 127.0.0.1:8080 --insecure-http

Each option is also read from the environment (--data-dir as PLEXD_CP_DATA_DIR) and from
the file given with --config (data_dir: ...). Options win over the environment, that over the file.
Without --config and --data-dir the file is ${packagedFile}, if it is there.
The first start writes the token of the first operator to DIR/admin-token. The admin socket wants a token too:
  plexctl --server unix://DIR/admin.sock --token-file DIR/admin-token node list
`

/** What an end may take without the drain. */
const stopMs = 5_000

/** `daemonStart` is what the server was told. */
export function addServe(command: Command, daemonStart: DaemonStart | undefined): void {
  addSettings(command)
    .description('serve until SIGTERM')
    .addHelpText('after', examples)
    .action(async (options: Record<string, unknown>) => {
      // What systemd has told us is no longer in our own environment.
      const readConfig = () => configOf(options, { ...process.env, ...daemonStart?.service })
      await serve(readConfig, daemonStart)
    })
}

async function serve(
  readConfig: () => Promise<Config>,
  daemonStart: DaemonStart | undefined,
): Promise<void> {
  const config = await readConfig()
  const log = createLog('plexd-control-plane', config.logLevel)
  // Loaded lazily: it is most of the program, and no other command needs it.
  const { startControlPlane } = await import('../control-plane.ts')
  using _memory = startMemoryReturn({ clock: systemClock, log })
  const manager = openServiceManager(daemonStart?.service ?? {}, log)
  let running: ControlPlane | undefined
  let waiting: string | undefined
  await runUntilSignal(
    async (signal) => {
      const onStep: OnStep = ({ words, maxMs }) => {
        if (waiting !== undefined) waiting = words
        manager.status(words)
        manager.extend(maxMs)
      }
      const onWait = (words: string): void => {
        waiting = words
      }
      let shown: string | undefined
      const onListening = (url: string): void => {
        if (url !== shown) process.stdout.write(`listening on ${url}\n`)
        shown = url
      }
      const start = { clock: systemClock, log, onStep, onWait, onListening, signal }
      const controlPlane = await startControlPlane(config, start)
      running = controlPlane
      log.info('serving', { url: controlPlane.url, version })
      adviseOfToken(config, log)
      return {
        async reload() {
          await controlPlane.reload(readConfig)
          log.setLevel(controlPlane.app.config.logLevel)
        },
        failed: controlPlane.app.failed,
        [Symbol.asyncDispose]: () => controlPlane[Symbol.asyncDispose](),
      }
    },
    {
      log,
      manager,
      stopMs: config.drainMs + stopMs,
      reloadRequests: daemonStart?.reloadRequests,
      probe: probeControlPlane(
        () => running,
        () => waiting,
      ),
    },
  )
}

/** The file should be deleted, because anyone who copies the data folder becomes an owner. */
function adviseOfToken({ dataDir }: Config, log: Log): void {
  const file = join(dataDir, 'admin-token')
  if (existsSync(file))
    log.info("keep the first operator's token elsewhere, and remove the file", { file })
}
