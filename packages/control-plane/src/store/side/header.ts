/** As our databases have them. */
export const pageBytes = 4_096
const magic = 'SQLite format 3\0'

/**
 * What is wrong with the first 100 bytes of a database; undefined if nothing is. SQLite takes some of it for a newer format or
 * for a file that may only be read, which is no reason to replace a file by itself. Pure. Source: https://sqlite.org/fileformat.html, 1.3.
 */
export function headerFault(header: Buffer): string | undefined {
  if (header.length < 100) return `it has only ${header.length} bytes`
  if (header.toString('latin1', 0, 16) !== magic) return 'it does not begin as a database does'
  const numbers = [
    header.readUInt16BE(16) === pageBytes,
    header.readUInt8(18) === 1 || header.readUInt8(18) === 2, // the journal it is written with
    header.readUInt8(19) === 1 || header.readUInt8(19) === 2,
    header.readUInt8(20) === 0, // bytes left free in each page
    header.readUInt32BE(44) <= 4, // format of the schema
    header.readUInt32BE(56) <= 1, // UTF-8
  ]
  return numbers.every(Boolean) ? undefined : 'its header cannot be right'
}

/** A header with which all pages behind it can be read, whatever theirs was: without free pages, and as long as the file is. */
export function plainHeader(): Buffer {
  const header = Buffer.alloc(100)
  header.write(magic, 'latin1')
  header.writeUInt16BE(pageBytes, 16)
  header.set([2, 2, 0, 64, 32, 32], 18) // a log, no bytes left free, and three numbers that never change
  header.writeUInt32BE(1, 24) // a number of changes that is not the one at 92: the length that is said counts for nothing
  header.writeUInt32BE(4, 44)
  header.writeUInt32BE(1, 52) // pages are moved by an incremental vacuum
  header.writeUInt32BE(1, 56)
  header.writeUInt32BE(1, 64)
  return header
}
