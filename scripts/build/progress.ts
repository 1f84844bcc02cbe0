import process from 'node:process'

/** Tells on stderr what is being made, and how long it took; `make` resolves to the result and what to say of it. */
export async function step<Result>(
  what: string,
  make: () => Promise<readonly [Result, string]>,
): Promise<Result> {
  const startedMs = performance.now()
  process.stderr.write(`build: ${what} …\n`)
  const [result, detail] = await make()
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  process.stderr.write(`build: ${what}: ${detail}, ${seconds} s\n`)
  return result
}

/** As in `117.7 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
