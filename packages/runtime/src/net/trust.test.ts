import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { authority, otherAuthority } from '../testing/certificates.ts'
import { runModule } from '../testing/child.ts'
import { serve } from '../testing/serve.ts'

it('without a file, a client trusts what the system trusts, and that alone', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  t.after(() => rm(folder, { recursive: true }))
  await using server = await serve((_request, response) => response.end('served'), { tls: true })
  const ask = async (pem: string): Promise<string> => {
    const file = join(folder, 'system.pem')
    await writeFile(file, pem)
    const { stdout, stderr } = await runModule(`
      // Where the system's authorities are, for OpenSSL.
      Object.assign(process.env, { SSL_CERT_FILE: '${file}', SSL_CERT_DIR: '${folder}' })
      const { createHttpTransport } = await import('${import.meta.resolve('./http-transport.ts')}')
      using transport = createHttpTransport({ baseUrl: '${server.url}', userAgent: 'test' })
      await transport({ method: 'GET', path: '/', headers: {} }).then(
        ({ body }) => console.log(body), ({ code }) => console.log(code))`)
    return stdout + stderr
  }
  assert.equal(await ask(authority), 'served\n')
  assert.equal(await ask(otherAuthority), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE\n')
})
