/** A node measures every 15 s by default, and may do so every minute. */
const staleMs = 2 * 60_000

/** Whether what was measured then says nothing of now; null for what was not measured. */
export function isStale(measuredMs: number | null, nowMs: number): boolean {
  return measuredMs === null || nowMs - measuredMs > staleMs
}
