import { heedSignals, type ReloadRequests } from './signals.ts'

/** What a service manager tells a daemon by its environment, and no program that the daemon runs is to have. */
export type ServiceEnvironment = Readonly<Partial<Record<(typeof names)[number], string>>>

/**
 * sd_notify(3), sd_watchdog_enabled(3), systemd.exec(5). Who knows the socket could speak for the daemon, and who knows
 * the folder could look for its secrets.
 */
const names = [
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'CREDENTIALS_DIRECTORY',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
] as const

/** Takes them out of the environment, which programs inherit. Call this in the first lines of a daemon. */
export function takeServiceEnvironment(env: NodeJS.ProcessEnv = process.env): ServiceEnvironment {
  const found = names.flatMap((name) => {
    const value = env[name]
    delete env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(found)
}

/** What a daemon is told before anything else. */
export interface DaemonStart {
  reloadRequests: ReloadRequests
  service: ServiceEnvironment
}

/** The first line of a daemon, before the rest is loaded. */
export function beginDaemon(): DaemonStart {
  return { reloadRequests: heedSignals(), service: takeServiceEnvironment() }
}
