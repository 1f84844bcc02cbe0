/** Log lines as machines write them: a few forms, in which ids, addresses and numbers differ. */
export interface LogLines {
  /** JSON, of one node; `at` in milliseconds since 1970. */
  next(node: number, at: number): string
}

/** The same lines for the same seed. */
export function createLogLines(seed: number): LogLines {
  const random = createRandom(seed)
  const below = (end: number): number => Math.floor(random() * end)
  const id = (): string =>
    below(2 ** 32)
      .toString(16)
      .padStart(8, '0') +
    below(2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const address = (): string => `10.${below(256)}.${below(256)}.${below(256)}`
  const one = <T>(list: readonly [T, ...T[]]): T => list[below(list.length)] ?? list[0]
  const forms: readonly (() => [unit: string, severity: string, message: string])[] = [
    () => [
      'nginx',
      'info',
      `${address()} - - "GET /api/v2/orders/${below(1e6)} HTTP/1.1" ${one([200, 200, 200, 304, 404])} ${below(50_000)} "-" "curl/8.5.0" rt=0.${below(1_000)} id=${id()}`,
    ],
    () => [
      'sshd',
      'info',
      `Accepted publickey for deploy from ${address()} port ${below(65_536)} ssh2: ED25519 SHA256:${id()}${id()}`,
    ],
    () => [
      'app',
      'info',
      `request finished method=POST path=/cart user=${below(100_000)} duration_ms=${below(900)} trace=${id()}`,
    ],
    () => [
      'kernel',
      'warn',
      `[UFW BLOCK] IN=eth0 OUT= SRC=${address()} DST=${address()} PROTO=TCP DPT=${below(65_536)}`,
    ],
    () => ['cron', 'info', `(root) CMD (/usr/lib/sysstat/sa1 1 1) pid=${below(100_000)}`],
    () => [
      'postgresql',
      'error',
      `connection to ${address()} timed out after ${below(30_000)} ms, retry ${below(5)}`,
    ],
  ]
  return {
    next(node, at) {
      const [unit, severity, message] = (forms[below(forms.length)] ?? forms[0])?.() ?? ['', '', '']
      const timestamp = new Date(at).toISOString()
      const hostname = `web-${String(node).padStart(3, '0')}`
      return JSON.stringify({ timestamp, source: 'journald', unit, message, severity, hostname })
    },
  }
}

/** Mulberry32, by Tommy Ettinger. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
