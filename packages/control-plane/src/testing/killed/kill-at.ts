/** Counts calls to what it is given, and kills the process at that of the number. */
export function createKill(at: number) {
  let calls = 0
  return {
    calls: () => calls,
    beforeEach<Name extends string>(
      owner: Record<Name, (...given: never[]) => unknown>,
      name: Name,
    ): void {
      const original = owner[name] as (...given: unknown[]) => unknown
      Object.assign(owner, {
        [name](this: unknown, ...given: unknown[]) {
          if (++calls === at) process.kill(process.pid, 'SIGKILL')
          return original.apply(this, given)
        },
      })
    },
  }
}
