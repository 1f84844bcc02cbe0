/** What the kernel is told to watch, as `struct audit_rule_data` of linux/audit.h: numbers of 32 bits, then texts. Pure. */

/** Of the rules of plexd, by which they are known again, and so are the records of them. */
const ownKey = 'plexd'

export interface Watched {
  path: string
  /** The folder with all in it; otherwise what is at the path. */
  isFolder: boolean
}

/** A rule for all that opens, writes, executes or changes the attributes of it, on any system call. */
export function encodeWatch({ path, isFolder }: Watched): Buffer {
  const texts = [Buffer.from(path), Buffer.from(ownKey)]
  const fields = [
    [isFolder ? linux.fieldFolder : linux.fieldPath, texts[0]?.length ?? 0],
    [linux.fieldAccess, linux.exec | linux.write | linux.read | linux.attribute],
    [linux.fieldKey, texts[1]?.length ?? 0],
  ] as const
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32LE(linux.filterExit, 0)
  header.writeUInt32LE(linux.actionAlways, 4)
  header.writeUInt32LE(fields.length, 8)
  header.fill(0xff, maskAt, fieldsAt)
  for (const [index, [field, value]] of fields.entries()) {
    header.writeUInt32LE(field, fieldsAt + 4 * index)
    header.writeUInt32LE(value, valuesAt + 4 * index)
    header.writeUInt32LE(linux.equal, operatorsAt + 4 * index)
  }
  const text = Buffer.concat(texts)
  header.writeUInt32LE(text.length, headerBytes - 4)
  return Buffer.concat([header, text])
}

/** Whether a rule that the kernel lists is one of plexd. */
export function isOwnRule(rule: Buffer): boolean {
  if (rule.length < headerBytes) return false
  const count = Math.min(rule.readUInt32LE(8), maxFields)
  let at = headerBytes
  for (let index = 0; index < count; index++) {
    const field = rule.readUInt32LE(fieldsAt + 4 * index)
    if (!textFields.has(field)) continue
    const length = rule.readUInt32LE(valuesAt + 4 * index)
    const text = rule.toString('utf8', at, at + length)
    at += length
    if (field === linux.fieldKey && text === ownKey) return true
  }
  return false
}

const linux = {
  filterExit: 4,
  actionAlways: 2,
  fieldPath: 105,
  fieldAccess: 106,
  fieldFolder: 107,
  fieldKey: 210,
  equal: 0x40000000,
  exec: 1,
  write: 2,
  read: 4,
  attribute: 8,
}

/** Their value is a length: of the labels of SELinux, a watch, a folder, a program and the key. */
const textFields: ReadonlySet<number> = new Set([
  ...[13, 14, 15, 16, 17, 19, 20, 21, 22, 23],
  ...[linux.fieldPath, linux.fieldFolder, 112, linux.fieldKey],
])

const maxFields = 64
const maskAt = 12
const fieldsAt = maskAt + 4 * maxFields
const valuesAt = fieldsAt + 4 * maxFields
const operatorsAt = valuesAt + 4 * maxFields
const headerBytes = operatorsAt + 4 * maxFields + 4
