import assert from 'node:assert/strict'
import { isAscii } from 'node:buffer'
import { globSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { it } from 'node:test'
import { builtPrograms, nodeFlags, type ProgramName } from '../scripts/programs/build.ts'

it('each file of a program is ASCII, so that V8 keeps its text in one byte a character', async () => {
  for (const main of Object.values(await builtPrograms()))
    for (const file of globSync(`${dirname(main)}/*.mjs`))
      assert.ok(isAscii(readFileSync(file)), file)
})

it('the first line of each program has the flags that it is started with here', async () => {
  for (const [name, main] of Object.entries(await builtPrograms())) {
    const [first = ''] = readFileSync(main, 'utf8').split('\n')
    assert.equal(first, `#!/usr/bin/env -S node ${nodeFlags[name as ProgramName].join(' ')}`) // its keys
  }
})
