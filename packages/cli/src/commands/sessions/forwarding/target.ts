import { InvalidArgumentError } from 'commander'

/** One port here that leads to one that the node can reach. */
export interface Forward {
  /** 0: any that is free. */
  localPort: number
  host: string
  port: number
}

/** `[LOCALPORT:][HOST:]PORT`; an IPv6 address stands in brackets. */
export function parseForward(text: string): Forward {
  const [, first, host, last = ''] =
    /^(?:(\d+):)?(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*|\d+(?:\.\d+){3}):)?(\d+)$/.exec(
      text,
    ) ?? []
  const port = Number(last)
  const localPort = Number(first ?? last)
  if (last === '' || port < 1 || port > 65_535 || localPort > 65_535)
    throw new InvalidArgumentError(
      `Want [LOCALPORT:][HOST:]PORT, such as 5432, 8080:80 or 15432:db.internal:5432, not "${text}".`,
    )
  return { localPort, host: host ?? '127.0.0.1', port }
}

export function targetOf({ host, port }: Forward): string {
  return `${host}:${port}`
}
