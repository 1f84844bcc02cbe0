/** A change of the packet filter, as the kernel announces it to all that listen. */
export interface TableChange {
  /** Of the program that made it: its process id, as a rule. */
  portId: number
  table: string
}

/** Whose changes they were. The kernel says so behind them, at the end of a transaction. */
export interface Author {
  portId: number
  processId: number
  /** Of the program, at most 15 bytes. */
  name: string
}

export interface FilterNews {
  changes: TableChange[]
  authors: Author[]
}

/** Reads one datagram of the nftables group; messages about no table, and what is malformed, are left out. */
export function parseFilterNews(datagram: Buffer): FilterNews {
  const news: FilterNews = { changes: [], authors: [] }
  let at = 0
  while (at + headerBytes <= datagram.length) {
    // struct nlmsghdr (length, type, flags, sequence, port id), then struct nfgenmsg; in the order of the machine,
    // which on all that we run on is little endian.
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
