/** A packet filter change as announced by the kernel. */
export interface TableChange {
  /** The netlink port of the program, usually its process id. */
  portId: number
  table: string
}

/** The program that made the preceding changes; the kernel sends it at the end of a transaction. */
export interface Author {
  portId: number
  processId: number
  /** The program's name, at most 15 bytes. */
  name: string
}

export interface FilterNews {
  changes: TableChange[]
  authors: Author[]
}

/** Parses one datagram of the nftables group; skips messages without a table and malformed ones. */
export function parseFilterNews(datagram: Buffer): FilterNews {
  const news: FilterNews = { changes: [], authors: [] }
  let at = 0
  while (at + headerBytes <= datagram.length) {
    // struct nlmsghdr (length, type, flags, sequence, port id), then struct nfgenmsg; in host byte order,
    // which is little endian on all supported machines.
    const length = datagram.readUInt32LE(at)
    if (length < headerBytes || at + length > datagram.length) break
    const type = datagram.readUInt16LE(at + 4)
    const portId = datagram.readUInt32LE(at + 12)
    const attributes = datagram.subarray(at + headerBytes, at + length)
    if (type === newGeneration) news.authors.push(...readAuthor(portId, attributes))
    else if (type >> 8 === nftables) news.changes.push(...readChange(portId, attributes))
    at += align(length)
  }
  return news
}

const headerBytes = 20
/** The upper byte of a type is the subsystem, the lower the message. */
const nftables = 10
/** NFT_MSG_NEWGEN, the only one that names no table. */
const newGeneration = (nftables << 8) | 15

/** The first attribute of all these messages is the table: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, ... */
function readChange(portId: number, attributes: Buffer): TableChange[] {
  const [first] = readAttributes(attributes)
  const table = first?.type === 1 ? readText(first.value) : ''
  return table === '' ? [] : [{ portId, table }]
}

/** NFTA_GEN_PROC_PID (2) and NFTA_GEN_PROC_NAME (3). */
function readAuthor(portId: number, attributes: Buffer): Author[] {
  const values = new Map(readAttributes(attributes).map(({ type, value }) => [type, value]))
  const [processId, name] = [values.get(2), values.get(3)]
  if (!name || processId?.length !== 4) return []
  return [{ portId, processId: processId.readUInt32BE(), name: readText(name) }]
}

function readAttributes(bytes: Buffer): { type: number; value: Buffer }[] {
  const found: { type: number; value: Buffer }[] = []
  let at = 0
  while (at + 4 <= bytes.length) {
    const length = bytes.readUInt16LE(at)
    if (length < 4 || at + length > bytes.length) break
    found.push({ type: bytes.readUInt16LE(at + 2), value: bytes.subarray(at + 4, at + length) })
    at += align(length)
  }
  return found
}

/** Without its zero byte. */
function readText(value: Buffer): string {
  return value.subarray(0, -1).toString()
}

function align(length: number): number {
  return (length + 3) & ~3
}
