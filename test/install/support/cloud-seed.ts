import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** For the data source NoCloud. */
export async function seed(upper: string, userData: string): Promise<void> {
  const folder = join(upper, 'var/lib/cloud/seed/nocloud')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'user-data'), userData, { mode: 0o600 })
  await writeFile(join(folder, 'meta-data'), 'instance-id: i-1\nlocal-hostname: web-03\n')
  await writeFile(join(folder, 'network-config'), 'config: disabled\n')
}
