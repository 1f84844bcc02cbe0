/** The number of the table; no known program uses it. */
export const meshTable = '8293'
/**
 * The mark of each packet that WireGuard sends: it never goes into the mesh. Only the lower half is compared, because
 * other programs keep theirs in the upper one. In the lower, Kubernetes has 0x4000 and 0x8000, its portmap 0x2000,
 * Cilium 0x0f00, and people use 1 and 2.
 */
export const meshMark = 0xe4
/** The part of a mark that is compared. */
export const markMask = 0xffff
