import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createProgram as createPlexd } from '@plexd/agent'
import { createProgram as createPlexctl, elsewhere, systemIo } from '@plexd/cli'
import { createProgram as createControlPlane } from '@plexd/control-plane'

const trees = {
  plexd: createPlexd(),
  'plexd-control-plane': createControlPlane(),
  plexctl: createPlexctl(systemIo()),
}

/** Whether a program has the command that a line names, without the options behind it. */
function has(line: string): boolean {
  const [program = '', ...words] = line.split(' ')
  let at = trees[program as keyof typeof trees] // one of ours
  for (const word of words.filter((one) => !one.startsWith('-'))) {
    const next = at.commands.find((one) => one.name() === word)
    if (!next) return false
    at = next
  }
  return words.every((word) => !word.startsWith('-') || at.options.some((o) => o.long === word))
}

describe('a command that people type at plexctl', () => {
  for (const [name, { runs, here }] of Object.entries(elsewhere))
    it(`${name} is where plexctl says it is`, () => {
      assert.ok(!has(`plexctl ${name}`), 'plexctl has none of that name')
      for (const words of runs) assert.ok(has(/"(.*)"/.exec(words)?.[1] ?? ''), words)
      if (here !== undefined) assert.ok(has(here), here)
    })
})
