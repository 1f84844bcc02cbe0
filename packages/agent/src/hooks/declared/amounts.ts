const unitBytes = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const

/** Bytes of an amount of memory: a number of bytes, or a text such as `512M` or `1Gi`, in powers of 1024 like systemd's. */
export function memoryBytesOf(amount: string | number): number {
  const [, number, unit] = /^(\d{1,12})([KMGT]?)(?:i?B?)$/.exec(String(amount)) ?? []
  const bytes = Number(number) * unitBytes[unit as keyof typeof unitBytes] // the pattern admits these only
  if (bytes >= 2 ** 20 && bytes <= 2 ** 50) return bytes
  throw new RangeError(
    `memory "${amount}": want an amount of at least 1M, such as 512M, 1G, or a number of bytes`,
  )
}

/** Percent of one core, from a number of cores such as `"0.5"`. */
export function cpuPercentOf(cores: string | number): number {
  const percent = /^\d{1,4}(\.\d{1,3})?$/.test(String(cores)) ? Math.round(Number(cores) * 100) : 0
  if (percent >= 1) return percent
  throw new RangeError(`cpu "${cores}": want a number of cores, such as 0.5 or 2`)
}
