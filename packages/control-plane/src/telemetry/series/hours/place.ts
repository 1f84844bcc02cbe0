export const hourMs = 3_600_000
export const slotMs = 5 * 60_000

/** In which hour, by its beginning, and in which stretch of it. */
export function placeOf(atMs: number): { startMs: number; slot: number } {
  const startMs = atMs - (atMs % hourMs)
  return { startMs, slot: Math.floor((atMs - startMs) / slotMs) }
}
