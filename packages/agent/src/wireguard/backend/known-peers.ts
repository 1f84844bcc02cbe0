import type { WgPeer } from './wg-interface.ts'

/** The peers of a reading, in the order of their texts. */
export type ParsePeers = (texts: readonly string[]) => WgPeer[]

/**
 * Parses only the peers whose text is another than in the reading before: of a thousand, most are as they were. Those are the same
 * objects again. `parse` must keep no part of its text, see `copyOf`.
 */
export function rememberPeers(parse: (text: string) => WgPeer): ParsePeers {
  let known = new Map<string, WgPeer>()
  return (texts) => {
    const read = texts.map((text) => [text, known.get(text) ?? parse(text)] as const)
    known = new Map(read)
    return read.map(([, peer]) => peer)
  }
}

/** A part of a text keeps all of it in memory, which is 300 KB of keys with a thousand peers. */
export function copyOf(part: string): string {
  return Buffer.from(part, 'latin1').toString('latin1')
}
