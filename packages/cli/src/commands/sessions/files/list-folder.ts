import type { Remote } from './call.ts'

/** More than a copy by hand is for; a node that is not honest could go on for ever. */
const maxNames = 1_000_000
const endOfFile = 1 // SSH_FX_EOF, draft-ietf-secsh-filexfer-02 section 7

/** The names in a folder of a node. It is read answer by answer, since ssh2 itself would wait for the end of one that has none. */
export async function listFolder({ sftp, call }: Remote, folder: string): Promise<string[]> {
  const handle = await call<Buffer>((done) => sftp.opendir(folder, done))
  try {
    const names: string[] = []
    for (;;) {
      const more = await readSome({ sftp, call }, handle)
      if (!more) return names.filter((name) => name !== '.' && name !== '..')
      if (more.length === 0) throw new Error('the node answers without a name')
      for (const name of more) names.push(name)
      if (names.length > maxNames) throw new Error(`it has more than ${maxNames} files`)
    }
  } finally {
    await call<void>((done) => sftp.close(handle, done)).catch(() => undefined)
  }
}

/** Undefined at the end. */
async function readSome({ sftp, call }: Remote, handle: Buffer): Promise<string[] | undefined> {
  try {
    // All of them, as an answer with `.` and `..` alone is none without names.
    const read = sftp.readdir.bind(sftp) as unknown as ReadFully
    const entries = await call<{ filename: string }[]>((done) => read(handle, { full: true }, done))
    return entries.map(({ filename }) => filename)
  } catch (error) {
    if ((error as { code?: unknown }).code === endOfFile) return undefined // of ssh2's errors
    throw error
  }
}

/** With options that its types do not have. */
type ReadFully = (
  handle: Buffer,
  options: { full: true },
  done: (error: Error | undefined, entries: { filename: string }[]) => void,
) => void
