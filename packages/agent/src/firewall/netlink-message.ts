/** A change of the packet filter, as the kernel announces it to all that listen. */
export interface TableChange {
  /** Of the program that made it: its process id, as a rule. */
  portId: number
  table: string
}

/** Reads one datagram of the nftables group; messages about no table, and what is malformed, are left out. */
export function parseTableChanges(datagram: Buffer): TableChange[] {
  const changes: TableChange[] = []
  let at = 0
  while (at + headerBytes <= datagram.length) {
    // struct nlmsghdr (length, type, flags, sequence, port id), then struct nfgenmsg; in the order of the machine,
    // which on all that we run on is little endian.
    const length = datagram.readUInt32LE(at)
    if (length < headerBytes || at + length > datagram.length) break
    const portId = datagram.readUInt32LE(at + 12)
    const table = firstAttribute(datagram.subarray(at + headerBytes, at + length))
    if (isAboutTable(datagram.readUInt16LE(at + 4)) && table !== undefined)
      changes.push({ portId, table })
    at += align(length)
  }
  return changes
}

const headerBytes = 20

/** The upper byte is the subsystem, the lower the message; NEWGEN (15) is the only one that names no table. */
function isAboutTable(type: number): boolean {
  return type >> 8 === 10 && (type & 0xff) !== 15
}

/** The first attribute of all these messages is the table: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, ... */
function firstAttribute(attributes: Buffer): string | undefined {
  if (attributes.length < 4) return undefined
  const length = attributes.readUInt16LE(0)
  if (attributes.readUInt16LE(2) !== 1 || length < 5 || length > attributes.length) return undefined
  return attributes.subarray(4, length - 1).toString() // without its zero byte
}

function align(length: number): number {
  return (length + 3) & ~3
}
