const prime = 2n ** 255n - 19n

/**
 * The u coordinates of the points of Curve25519 and its twist whose order divides 8. With any of them X25519 yields zero,
 * so the shared secret is known to everybody, and WireGuard refuses such a peer.
 */
const lowOrder = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  prime - 1n,
]

/** All base64 encodings of them: reduced or not, top bit set or not. A set, because each of a node's peers is checked often. */
const lowOrderTexts: ReadonlySet<string> = new Set(
  lowOrder
    .flatMap((u) => [u, u + prime])
    .filter((u) => u < 2n ** 255n)
    .flatMap((u) => [u, u + 2n ** 255n])
    .map(textOf),
)

/**
 * Whether WireGuard can use a public key: 32 bytes in canonical base64, not a point of low order in any encoding.
 */
export function isUsablePublicKey(text: string): boolean {
  if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text)) return false
  return !lowOrderTexts.has(text)
}

function textOf(number: bigint): string {
  const bytes = Array.from({ length: 32 }, (_, at) => Number((number >> BigInt(8 * at)) & 255n))
  return btoa(String.fromCharCode(...bytes))
}
