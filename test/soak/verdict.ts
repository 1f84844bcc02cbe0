/** What was seen while a condition lasted, and until the mesh worked again. */
export interface Watch {
  /** Of packets that policy denies, sent all the time. */
  passed: readonly { name: string; sent: number; answered: number }[]
  /** What left with a mesh address outside of WireGuard. */
  clear: readonly { name: string; packets: readonly string[] }[]
}

/** What should not have been, a line each. Pure. */
export function wrongIn({ passed, clear }: Watch): string[] {
  const silent = passed.filter(({ sent }) => sent === 0)
  const open = passed.filter(({ answered }) => answered > 0)
  return [
    ...silent.map(({ name }) => `${name} sent nothing of what policy denies: nothing was proved`),
    ...open.map(
      ({ name, sent, answered }) =>
        `${answered} of ${sent} packets from ${name} that policy denies were answered`,
    ),
    ...clear.flatMap(({ name, packets }) =>
      packets.map((packet) => `in clear on the cable of ${name}: ${packet}`),
    ),
  ]
}
