import {
  type NetlinkAttribute,
  readAttributes,
  readMessages,
  readText,
} from '../../process/sockets/netlink.ts'

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
  for (const { type, portId, body } of readMessages(datagram)) {
    const attributes = readAttributes(body.subarray(genmsgBytes))
    if (type === newGeneration) news.authors.push(...readAuthor(portId, attributes))
    else if (type >> 8 === nftables) news.changes.push(...readChange(portId, attributes))
  }
  return news
}

/** struct nfgenmsg */
const genmsgBytes = 4
/** The upper byte of a type is the subsystem, the lower the message. */
const nftables = 10
/** NFT_MSG_NEWGEN, the only one that names no table. */
const newGeneration = (nftables << 8) | 15

/** The first attribute of all these messages is the table: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, ... */
function readChange(portId: number, [first]: readonly NetlinkAttribute[]): TableChange[] {
  const table = first?.type === 1 ? readText(first.value) : ''
  return table === '' ? [] : [{ portId, table }]
}

/** NFTA_GEN_PROC_PID (2) and NFTA_GEN_PROC_NAME (3). */
function readAuthor(portId: number, attributes: readonly NetlinkAttribute[]): Author[] {
  const values = new Map(attributes.map(({ type, value }) => [type, value]))
  const [processId, name] = [values.get(2), values.get(3)]
  if (!name || processId?.length !== 4) return []
  return [{ portId, processId: processId.readUInt32BE(), name: readText(name) }]
}
