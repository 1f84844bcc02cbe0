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

  it('comes from "./run build", the same to the byte as from any other folder', async () => {
    await using temporary = await makeFolder()
    const { folder } = temporary
    const script = join(import.meta.dirname, '../../scripts/build.ts')
    const key = join(folder, 'key.pem')
    await runToEnd(process.execPath, [script, '--new-key', key])
    const args = ['--version', '7.8.9', '--sign-key', key, '--out', folder]
    const { code, stderr } = await runToEnd(process.execPath, [script, ...args])
    assert.equal(code, 0, stderr)
    const sums = await readFile(join(folder, 'checksums.sha256'), 'utf8')
    const [, hex, name = ''] = /^([0-9a-f]{64}) {2}(plexd-linux-\w+)\n$/.exec(sums) ?? []
    const signature = await readFile(join(folder, `${name}.sig`), 'utf8')
    assert.equal(Buffer.from(signature, 'base64').length, 64)

    const another = join(folder, 'another')
    await mkdir(another)
    const releaseKeys = [await readFile(`${key}.pub`, 'utf8')]
    await makeSingleFile('plexd', { version: '7.8.9', releaseKeys }, another)
    const built = await checksumOf(join(another, 'plexd'))
    assert.deepEqual([built, await checksumOf(join(folder, name))], [`sha256:${hex}`, built])
    const run = (...args: string[]) => runToEnd(join(folder, name), args)
    const help = await run('up', '--help')
    assert.deepEqual([help.code, help.stderr], [0, ''], 'V8 takes its code cache')
    assert.match(help.stdout, /^Usage: plexd up/)
    assert.equal(JSON.parse((await run('version', '--json')).stdout).version, '7.8.9')
  })
})

async function makeFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}
