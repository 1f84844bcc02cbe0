import type { PlannedChange } from './planned-change.ts'

/** How far each source was read, each an item of the queue. Does nothing to the disk. */
export interface StoredCursors {
  load(item: { source: string; value: string }, number: number): void
  /** The change of the queue by which it has these; an empty one forgets its source. `apply` once it has been made. */
  changeTo(given: Readonly<Record<string, string>>): PlannedChange
  /** All that was applied is on the disk. */
  stored(): void
  /** Of what is on the disk. */
  get(source: string): string | undefined
  sources(): string[]
}

export function createStoredCursors(): StoredCursors {
  const items = new Map<string, number>()
  const onDisk = new Map<string, string>()
  /** Of what may be in memory alone. */
  const applied = new Map<string, string>()

  return {
    load({ source, value }, number) {
      items.set(source, number)
      onDisk.set(source, value)
    },
    changeTo(given) {
      const all = Object.entries(given).map(([source, value]) => ({
        number: items.get(source),
        value: { type: 'cursor' as const, source, value },
      }))
      const known = all.flatMap(({ number, value }) =>
        number === undefined ? [] : { number, value },
      )
      const added = all.flatMap(({ number, value }) =>
        number === undefined && value.value !== '' ? value : [],
      )
      return {
        put: known.filter(({ value }) => value.value !== ''),
        added,
        removed: known.flatMap(({ number, value }) => (value.value === '' ? number : [])),
        apply(numbers) {
          for (const [index, { source }] of added.entries()) items.set(source, numbers[index] ?? 0)
          for (const { value } of known) if (value.value === '') items.delete(value.source)
          for (const [source, value] of Object.entries(given)) applied.set(source, value)
        },
      }
    },
    stored() {
      for (const [source, value] of applied) {
        if (value === '') onDisk.delete(source)
        else onDisk.set(source, value)
      }
      applied.clear()
    },
    get: (source) => onDisk.get(source),
    sources: () => [...onDisk.keys()],
  }
}
