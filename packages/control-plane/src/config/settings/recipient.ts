/**
 * Refuses what is no X25519 recipient of age: bech32 (BIP 173) of 32 bytes, whose checksum reveals a typing error. Those of SSH keys
 * and plugins are none: they could not be opened with an identity file alone.
 */
export function checkRecipient(text: string): string {
  const data = /^age1([02-9ac-hj-np-z]{58})$/.exec(text)?.[1]
  if (data === undefined)
    throw new Error(`recipient "${text}": want age1… with 62 characters, as age-keygen prints it`)
  const values = Array.from(data, (character) => alphabet.indexOf(character))
  if (checksum([...expandedPrefix, ...values]) !== 1)
    throw new Error(`recipient "${text}": its checksum is wrong: copy it again`)
  return text
}

const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** `age` as BIP 173 has it in front of the data: high bits, zero, low bits. */
const expandedPrefix = [3, 3, 3, 0, 1, 7, 5]

/** BIP 173, "Checksum". */
function checksum(values: readonly number[]): number {
  let state = 1
  for (const value of values) {
    const top = state >>> 25
    state = ((state & 0x1ffffff) << 5) ^ value
    for (const [bit, generator] of generators.entries())
      if (((top >>> bit) & 1) === 1) state ^= generator
  }
  return state >>> 0
}

const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
