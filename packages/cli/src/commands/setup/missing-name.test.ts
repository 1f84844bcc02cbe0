import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { Command } from 'commander'
import type { Admin } from '../../command.ts'
import { createProgram } from '../../program.ts'
import { systemIo } from '../../terminal/io.ts'
import { shownBy, withNearNames } from './missing-name.ts'

const page = (...names: string[]) => ({
  body: { items: names.map((name) => ({ name, hostname: name, key: name, id: name })), next: null },
})
const admin = {
  listNodes: async () => page('db-01', 'web-01'),
  listPolicies: async () => page('allow-web'),
} as unknown as Admin // two of its operations
const told = async (message: string, status: 'not_found' | 'conflict' = 'not_found') =>
  withNearNames(new ApiError(status, message), async () => ({ admin }))

describe('an error about a name that is none', () => {
  it('says which may have been meant, and what lists them', async () => {
    for (const [message, words] of [
      ['there is no node "web-1"', 'did you mean "web-01"? "plexctl node list" shows'],
      ['there is no node "web"', 'did you mean "web-01"? "plexctl node list" shows'],
      ['there is no policy "alow-web"', 'did you mean "allow-web"? "plexctl policy list" shows'],
      ['there is no node "mail"', '"plexctl node list" shows'],
      // Nobody answers for the names of these.
      ['there is no secret "x" for this target', '"plexctl secret list" shows'],
      ['there is no admin token "adm_x"', '"plexctl admin-token list" shows'],
      ['there is no plexd 1.2.3 for linux/arm64', '"plexctl artifact list" shows'],
    ] as const) {
      const error = await told(message)
      assert.ok(error instanceof CliError, message)
      assert.equal(error.message, `${message}: ${words} those that there are`)
      assert.equal(error.exitCode, exitCodes.notFound)
    }
  })

  it('stays as it is where it is about something else', async () => {
    for (const message of ['not found', 'there is no such thing', 'there is no toaster "x"'])
      assert.ok((await told(message)) instanceof ApiError, message)
    assert.ok((await told('there is no node "x"', 'conflict')) instanceof ApiError)
    const other = new Error('x')
    assert.equal(await withNearNames(other, assert.fail), other)
  })

  it('names commands that there are', () => {
    const program = createProgram(systemIo())
    for (const { list } of Object.values(shownBy)) {
      const [, ...names] = list.split(' ')
      let at: Command | undefined = program
      for (const name of names) at = at?.commands.find((one) => one.name() === name)
      assert.ok(at, list)
    }
  })
})
