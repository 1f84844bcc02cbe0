import { hostname } from 'node:os'
import { readSecretFile } from '@plexd/runtime'

/** A database of PostgreSQL, and the way to it. */
export interface PostgresPlace {
  /** As libpq takes it: `postgres://USER@HOST/DATABASE?sslmode=verify-full`. */
  url: string
  /** A file with the password and nothing else, read for each connection; without it the password is that of the URL or of PGPASSWORD. */
  passwordFile?: string | undefined
}

/** What `pg` wants to know. A password of a function would be lost beside a URL, so StoreClient asks for it. */
export interface WayToServer {
  connectionString: string
  application_name: string
  askPassword?: () => string
}

export function wayTo({ url, passwordFile }: PostgresPlace): WayToServer {
  return {
    connectionString: url,
    application_name: applicationName(),
    ...(passwordFile === undefined
      ? {}
      : {
          askPassword: () =>
            readSecretFile(passwordFile, `read database password "${passwordFile}"`).trim(),
        }),
  }
}

/** For people: without user and password. */
export function nameOfPlace({ url }: PostgresPlace): string {
  const { host, pathname } = new URL(url)
  return `postgres://${host}${pathname}`
}

const program = 'plexd-control-plane'

/** With process and machine, for those who look who holds what; the server takes 63 bytes. */
function applicationName(): string {
  return `${program} ${process.pid} ${hostname()}`.slice(0, 63)
}

/** Which control plane has a connection, by its application name. Pure. */
export function connectedBy(application: string): { pid: number; machine: string } {
  const [, pid = '0', machine = application] =
    new RegExp(`^${program} (\\d+) (.*)$`).exec(application) ?? []
  return { pid: Number(pid), machine }
}
