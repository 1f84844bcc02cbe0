import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { serve } from '@plexd/runtime/testing'
import { installerText } from '../../scripts/build/installer.ts'
import { newKey } from '../../scripts/build/release-key.ts'
import { runToEnd } from '../../scripts/programs/program.ts'
import { startSystem } from '../support/system.ts'

const skip = existsSync('/usr/bin/cloud-init') ? false : 'needs cloud-init'

it('user data is valid by the schema of cloud-init', { skip }, async () => {
  const script = await installerText([newKey().publicPem])
  await using build = await serve((_request, response) => response.end(script))
  await using system = await startSystem()
  const flags = ['--cloud-init', '--from', build.url]
  const { stdout } = await system.plexctl('token', 'create', ...flags)
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  const file = join(folder, 'user-data')
  await writeFile(file, stdout)

  const { code, stderr } = await runToEnd('cloud-init', ['schema', '--config-file', file])
  await rm(folder, { recursive: true })

  assert.equal(code, 0, stderr)
})
