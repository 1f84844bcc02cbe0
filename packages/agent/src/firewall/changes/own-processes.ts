/** The processes that changed the packet filter for us, by their ids; the latest 256, since the system reuses ids. */
export interface OwnProcesses {
  add(processId: number): void
  has(processId: number): boolean
}

export function createOwnProcesses(): OwnProcesses {
  const ids = new Set<number>()
  return {
    add(processId) {
      ids.delete(processId)
      ids.add(processId)
      const [oldest] = ids
      if (ids.size > 256 && oldest !== undefined) ids.delete(oldest)
    },
    has: (processId) => ids.has(processId),
  }
}
