import { readFile } from 'node:fs/promises'

/** The local users of this machine: uid -> name. Users of a directory service are missing. */
export async function readUsers(path = '/etc/passwd'): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const fields = text.split('\n').map((line) => line.split(':'))
  return new Map(fields.flatMap(([name = '', , uid]) => (uid === undefined ? [] : [[uid, name]])))
}

/** Who wrote a report entry. A caller over TCP proves that it has the token, not who it is. */
export function describeWriter(
  writer: string | undefined,
  users: ReadonlyMap<string, string>,
): string {
  if (writer === undefined) return ''
  if (writer === 'tcp') return 'written over TCP, by whoever holds the token'
  return `written by user ${nameUser(writer, users)}`
}

/** The name and the uid; only the uid of an unknown user. */
export function nameUser(uid: string, users: ReadonlyMap<string, string>): string {
  const name = users.get(uid)
  return name === undefined ? uid : `${name} (${uid})`
}
