import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { isChroot } from './service.ts'

/** All folders of this machine, below another root than that of process 1, which is the shell. */
const alone = ['--mount', '--pid', '--fork', '--mount-proc']
const script =
  'mount -t tmpfs none "$0"; for one in /*; do if [ -L "$one" ]; then cp -a "$one" "$0"; elif [ -d "$one" ]; then mkdir "$0$one"; mount --rbind "$one" "$0$one"; fi; done; chroot "$0" "$@"; exit'

it('knows a chroot from the machine around it, whose /run it sees', (t) => {
  if (process.getuid?.() !== 0) return void t.skip('a chroot needs root')
  assert.equal(isChroot(), false)
  const folder = mkdtempSync(join(tmpdir(), 'plexd-chroot-'))
  t.after(() => rmdirSync(folder))
  const file = JSON.stringify(join(import.meta.dirname, 'service.ts'))
  const program = `import(${file}).then((m) => console.log(m.isChroot()))`
  const command = [...alone, 'sh', '-ec', script, folder, process.execPath, '-e', program]
  assert.equal(execFileSync('unshare', command, { encoding: 'utf8' }), 'true\n')
})
