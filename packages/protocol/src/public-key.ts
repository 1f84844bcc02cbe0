const prime = 2n ** 255n - 19n

/**
 * The points of Curve25519 and of its twist whose order divides 8, by their u: with any of them X25519 gives zero, so
 * everybody knows the secret, and WireGuard refuses such a peer.
 */
const lowOrder: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  prime - 1n,
])

/**
 * Whether a text is a public key that WireGuard can do something with: 32 bytes in canonical base64 that are no point of
 * low order, in whichever encoding: reduced or not, with the topmost bit set or not.
 */
export function isUsablePublicKey(text: string): boolean {
  if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text)) return false
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  const u = bytes.reduceRight((number, byte) => number * 256n + BigInt(byte), 0n)
  return !lowOrder.has(BigInt.asUintN(255, u) % prime)
}
