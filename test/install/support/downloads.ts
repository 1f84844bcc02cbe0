import { once } from 'node:events'
import { join } from 'node:path'
import { execAny } from '@plexd/runtime'
import type { Lab } from '../../../scripts/laboratory/lab.ts'

/** Certificate and key of a server of that name, which is its own authority. */
export interface Certificate {
  key: string
  cert: string
}

export async function makeCertificate(folder: string, name: string): Promise<Certificate> {
  const made = { key: join(folder, `${name}.key`), cert: join(folder, `${name}.crt`) }
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const form = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', made.key, '-out', made.cert]
  await execAny(['openssl', 'req', '-x509', ...form, ...files, ...subject])
  return made
}

/** Serves a folder at https://HOST/plexd/, on a host of the laboratory; resolves to its address. */
export async function serveFolder(
  lab: Lab,
  folder: string,
  { key, cert }: Certificate,
): Promise<string> {
  const host = await lab.host('downloads')
  const program = join(import.meta.dirname, 'download-server.ts')
  const server = host.spawn([process.execPath, program, folder, key, cert])
  server.stderr?.pipe(process.stderr)
  if (server.stdout) await once(server.stdout, 'data', { signal: AbortSignal.timeout(30_000) })
  return host.address
}
