import { type Exec, ExecError, exec } from '@plexd/runtime'

/** What the name services of the machine have of a key, as getent(1) prints it; undefined for none. Rejects if they cannot be asked. */
export async function askNames(
  [database, key]: readonly [database: string, key: string],
  { run = exec, timeoutMs }: { run?: Exec; timeoutMs?: number } = {},
): Promise<string | undefined> {
  const options = timeoutMs === undefined ? {} : { timeoutMs }
  return run(['getent', database, '--', key], options).catch((error: unknown) => {
    // 2: no such key, also where only root may read it.
    if (error instanceof ExecError && error.exitCode === 2) return undefined
    throw error
  })
}
