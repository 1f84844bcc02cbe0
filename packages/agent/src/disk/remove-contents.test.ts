import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { mountsIn } from './remove-contents.ts'

describe('what is mounted in a folder', () => {
  it('is all below it, once, by its own name', () => {
    const lines = [
      '31 23 0:28 / /var/lib/plexd rw - ext4 /dev/sda1 rw',
      '32 31 0:29 /etc /var/lib/plexd/a\\040b rw - ext4 /dev/sda1 rw',
      '33 32 0:30 / /var/lib/plexd/a\\040b rw - tmpfs tmpfs rw',
      '34 23 0:31 / /var/lib/plexd-control-plane/x rw - tmpfs tmpfs rw',
    ]
    assert.deepEqual(mountsIn('/var/lib/plexd', `${lines.join('\n')}\n`), ['/var/lib/plexd/a b'])
    assert.deepEqual(mountsIn('/var/lib/plexd', ''), [])
  })
})

describe('removing what is in a folder', () => {
  it('leaves what is mounted in it, and what links lead to', (t) => {
    if (process.getuid?.() !== 0) return void t.skip('mounting needs root')
    const top = mkdtempSync(join(tmpdir(), 'plexd-remove-'))
    t.after(() => rmSync(top, { recursive: true }))
    const [state, link, other] = ['state', 'link', 'other'].map((name) => join(top, name))
    const place = `${state}/deep/in it`
    for (const folder of [place, `${state}/a/b`, `${other}`]) mkdirSync(folder, { recursive: true })
    writeFileSync(`${other}/kept`, '')
    symlinkSync(`${other}`, `${state}/x`)
    symlinkSync(`${state}`, `${link}`)

    const file = join(import.meta.dirname, 'remove-contents.ts')
    const program = `import(${JSON.stringify(file)}).then(async (m) => console.log(await m.removeContents(${JSON.stringify(link)})))`
    const script = 'mount --bind "$0" "$1" && exec "$2" -e "$3"'
    const command = ['--mount', 'sh', '-c', script, `${other}`, place, process.execPath, program]
    const told = execFileSync('unshare', command, { encoding: 'utf8' })

    assert.equal(told, `[ '${place}' ]\n`)
    assert.deepEqual(readdirSync(`${other}`), ['kept'])
    assert.deepEqual(readdirSync(`${state}`, { recursive: true }), ['deep', 'deep/in it'])
  })
})
