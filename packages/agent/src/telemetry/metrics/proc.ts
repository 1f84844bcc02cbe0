/** What Linux says of itself in `/proc` (proc(5)), as text. Pure. */

/** In ticks since the machine was started. */
export interface CpuTimes {
  busy: number
  total: number
}

/** Of the first line of `/proc/stat`, all cores together; undefined if there is none. */
export function parseCpuTimes(stat: string): CpuTimes | undefined {
  const line = /^cpu +(\d.*)$/m.exec(stat)?.[1]
  if (line === undefined) return undefined
  // The guests that follow these eight are part of the first two.
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, ...interrupts] = line
    .split(/ +/)
    .slice(0, 8)
    .map(Number)
  const busy = user + nice + system + interrupts.reduce((sum, ticks) => sum + ticks, 0)
  return { busy, total: busy + idle + wait }
}

/** Online cores: one line for each in `/proc/stat`. */
export function countCpus(stat: string): number {
  return stat.match(/^cpu\d/gm)?.length ?? 0
}

/** The share in use between two readings, in percent; undefined if no time has passed, or it was set back. */
export function cpuPercent(before: CpuTimes, after: CpuTimes): number | undefined {
  const total = after.total - before.total
  const busy = after.busy - before.busy
  return total > 0 && busy >= 0 ? (100 * busy) / total : undefined
}

export interface Memory {
  memory_used: number
  memory_total: number
  swap_used: number
  swap_total: number
}

/** Bytes, of `/proc/meminfo`; undefined if it lacks a line. */
export function parseMemory(meminfo: string): Memory | undefined {
  const bytesOf = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? Number.NaN) * 1024
  const memory_total = bytesOf('MemTotal')
  const swap_total = bytesOf('SwapTotal')
  const memory = {
    memory_used: memory_total - bytesOf('MemAvailable'),
    memory_total,
    swap_used: swap_total - bytesOf('SwapFree'),
    swap_total,
  }
  return Object.values(memory).every(Number.isFinite) ? memory : undefined
}

/** Of `/proc/loadavg`: of the last minute, 5 and 15 minutes. */
export function parseLoad(loadavg: string): readonly [number, number, number] | undefined {
  const [, ...texts] = /^([\d.]+) ([\d.]+) ([\d.]+) /.exec(loadavg) ?? []
  const [one, five, fifteen] = texts.map(Number)
  return one === undefined || five === undefined || fifteen === undefined
    ? undefined
    : [one, five, fifteen]
}

export interface Traffic {
  rx_bytes: number
  tx_bytes: number
}

/** Of `/proc/net/dev`, by interface. */
export function parseTraffic(dev: string): Map<string, Traffic> {
  const found = new Map<string, Traffic>()
  for (const [, name = '', counters = ''] of dev.matchAll(/^ *([^\s:]+): *(\d.*)$/gm)) {
    const columns = counters.trim().split(/ +/).map(Number)
    found.set(name, { rx_bytes: columns[0] ?? 0, tx_bytes: columns[8] ?? 0 })
  }
  return found
}

/** Seconds, of `/proc/uptime`. */
export function parseUptime(uptime: string): number | undefined {
  const seconds = Number.parseFloat(uptime)
  return Number.isFinite(seconds) ? seconds : undefined
}
