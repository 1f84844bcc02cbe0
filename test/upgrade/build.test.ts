import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { releaseStatement } from '@plexd/protocol'
import { checksumOf, newKey, publicHalf, signStatement } from '../../scripts/build/release-key.ts'
import { makeSingleFile } from '../../scripts/build/single-file.ts'
import { runToEnd } from '../../scripts/programs/program.ts'

describe('plexd as a single file', () => {
  it('is the same to the byte wherever it is built, and runs', async () => {
    await using temporary = await makeFolder()
    const options = { version: '7.8.9', releaseKeys: [newKey().publicPem] }
    const checksums = []
    for (const name of ['one', 'another']) {
      const folder = join(temporary.folder, name)
      await mkdir(folder)
      await makeSingleFile('plexd', options, folder)
      checksums.push(await checksumOf(join(folder, 'plexd')))
    }
    assert.equal(checksums[0], checksums[1])
    const { code, stdout, stderr } = await runToEnd(join(temporary.folder, 'one/plexd'), [
      'up',
      '--help',
    ])
    assert.deepEqual([code, stderr], [0, ''], 'V8 takes its code cache')
    assert.match(stdout, /^Usage: plexd up/)
    const told = await runToEnd(join(temporary.folder, 'one/plexd'), ['version', '--json'])
    assert.equal(JSON.parse(told.stdout).version, '7.8.9')
  })

  it('has a signature that openssl verifies', async () => {
    await using temporary = await makeFolder()
    const inFolder = (name: string): string => join(temporary.folder, name)
    const { privatePem, publicPem } = newKey()
    assert.equal(publicHalf(privatePem), publicPem)
    const checksum = `sha256:${'ab'.repeat(32)}`
    const statement = releaseStatement({ version: '1.0.0', os: 'linux', arch: 'amd64', checksum })
    assert.equal(statement, `plexd 1.0.0 linux/amd64 ${checksum}\n`)
    await writeFile(inFolder('line'), statement)
    await writeFile(inFolder('sig'), Buffer.from(signStatement(statement, privatePem), 'base64'))
    await writeFile(inFolder('key.pub'), publicPem)
    const verify = ['-verify', '-rawin', '-pubin', '-inkey', inFolder('key.pub')]
    const files = ['-in', inFolder('line'), '-sigfile', inFolder('sig')]
    const { stdout } = await runToEnd('openssl', ['pkeyutl', ...verify, ...files])
    assert.match(stdout, /Verified Successfully/)
  })

  it('comes from "./run build" with checksum and signature', async () => {
    await using temporary = await makeFolder()
    const script = join(import.meta.dirname, '../../scripts/build.ts')
    const key = join(temporary.folder, 'key.pem')
    await runToEnd(process.execPath, [script, '--new-key', key])
    const args = ['--version', '7.8.9', '--sign-key', key, '--out', temporary.folder]
    const { code, stderr } = await runToEnd(process.execPath, [script, ...args])
    assert.equal(code, 0, stderr)
    const sums = await readFile(join(temporary.folder, 'checksums.sha256'), 'utf8')
    const [, hex, name = ''] = /^([0-9a-f]{64}) {2}(plexd-linux-\w+)\n$/.exec(sums) ?? []
    assert.equal(`sha256:${hex}`, await checksumOf(join(temporary.folder, name)))
    const signature = await readFile(join(temporary.folder, `${name}.sig`), 'utf8')
    assert.equal(Buffer.from(signature, 'base64').length, 64)
  })
})

async function makeFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}
