import assert from 'node:assert/strict'
import { isAscii } from 'node:buffer'
import { globSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { it } from 'node:test'
import { builtPrograms } from '../scripts/programs/build.ts'

it('each file of a program is ASCII, so that V8 keeps its text in one byte a character', async () => {
  for (const main of Object.values(await builtPrograms()))
    for (const file of globSync(`${dirname(main)}/*.mjs`))
      assert.ok(isAscii(readFileSync(file)), file)
})
