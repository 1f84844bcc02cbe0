/** Loaded by the commands that need it: it takes as long as all the rest of plexctl. */
export async function loadSsh2(): Promise<typeof import('ssh2')> {
  return (await import('ssh2')).default
}
