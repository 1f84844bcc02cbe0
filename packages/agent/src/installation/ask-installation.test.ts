import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { proveInstallation } from '@plexd/protocol'
import { authority, otherAuthority, serve } from '@plexd/runtime/testing'
import { makeFolder } from '../testing/node.ts'
import { createTestSigner, type TestSigner } from '../testing/signer.ts'
import { askInstallation } from './ask-installation.ts'

describe('askInstallation', () => {
  it('knows its own by its signature, and by which run of it answers', async () => {
    const signer = await createTestSigner()
    assert.deepEqual(await ask(signer, { by: signer }), { life: 'a' })
  })

  it('is not taken in by another installation, an older answer, or something else', async () => {
    const signer = await createTestSigner()
    for (const answers of [
      { by: await createTestSigner() },
      { by: signer, challenge: 'A'.repeat(32) },
      { text: '{}' },
      { text: '{"life":"a","signature":"?"}' },
      { text: '<html>' },
    ])
      await assert.rejects(ask(signer, answers))
  })

  it('does not ask who shows a certificate of another authority', async () => {
    const signer = await createTestSigner()
    await assert.rejects(
      ask(signer, { by: signer }, otherAuthority),
      /unable to verify|self-signed/i,
    )
  })
})

interface Answers {
  by?: TestSigner
  /** In place of the one that was asked. */
  challenge?: string
  text?: string
}

async function ask(own: TestSigner, { by, challenge, text }: Answers, ca = authority) {
  await using folder = await makeFolder()
  const caFile = join(folder.path, 'ca.crt')
  await writeFile(caFile, ca)
  const answer: RequestListener = (request, response) => {
    assert.equal(request.headers.authorization, undefined)
    const asked = new URL(request.url ?? '', 'https://cp').searchParams.get('challenge') ?? ''
    const proof =
      by && proveInstallation({ challenge: challenge ?? asked, life: 'a' }, by.privateKey)
    void Promise.resolve(proof).then((body) => {
      response.setHeader('content-type', 'application/json')
      response.end(text ?? JSON.stringify(body))
    })
  }
  await using served = await serve(answer, { tls: true })
  return await askInstallation(served.url, {
    config: { caFile, requestTimeoutMs: 5_000 },
    env: {},
    keys: [own.keys.current],
    signal: new AbortController().signal,
  })
}
