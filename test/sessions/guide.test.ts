import assert from 'node:assert/strict'
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { commandOf, runToEnd } from '../../scripts/programs/program.ts'
import { commandsOf } from '../support/guide.ts'
import { openSessionSystem, sessionSkip } from './support/session-system.ts'

describe('the guide to sessions', { skip: sessionSkip }, () => {
  const sessions = openSessionSystem()

  it('has commands that do what it says, in its order', async () => {
    const folder = join(sessions.system.folder, 'guide')
    await mkdir(join(folder, '.ssh'), { recursive: true })
    await writeFile(join(folder, 'motd'), 'hello\n')
    await mkdir(join(sessions.home, 'logs'))
    await chown(join(sessions.home, 'logs'), 54_321, 54_321)
    const commands = (await commandsOf('sessions')).filter((line) => line.startsWith('plexctl '))
    assert.equal(commands.length, 14)

    for (const command of commands) {
      if (command.startsWith('plexctl forward ')) await checkForward(command)
      else if (command.startsWith('plexctl session revoke ')) await checkRevoke(command, folder)
      else await check(command, folder)
    }

    assert.match(await readFile(join(folder, 'hostname.tar'), 'latin1'), /^etc\/hostname\0/)
    assert.equal(await readFile(join(sessions.home, 'motd'), 'utf8'), 'hello\n')
    assert.match(await readFile(join(folder, '.ssh/config'), 'utf8'), /^Host web-01$/m)
    assert.match(await readFile(join(folder, 'session.cast'), 'utf8'), /^\{"version":2/)
  })

  /** SESSION is the last one. */
  async function check(command: string, folder: string): Promise<void> {
    const { stdout: listed } = await sessions.plexctl(['session', 'list', '--json'])
    const [last] = (JSON.parse(listed) as { items: { id: string }[] }).items
    const program = commandOf('plexctl', [])
      .map((word) => `'${word}'`)
      .join(' ')
    const line = command.replace(/^plexctl/, program).replace('SESSION', last?.id ?? '')
    const environment = { ...sessions.environment(), HOME: folder }
    const { code, stderr } = await runToEnd('sh', ['-c', `cd '${folder}' && ${line}`], environment)
    assert.equal(code, 0, `${command}: ${stderr}`)
  }

  async function checkRevoke(command: string, folder: string): Promise<void> {
    await using running = sessions.start(['ssh', 'deploy@web-01', '--', 'echo on; sleep 60'])
    await until('the command', () => running.stdout() === 'on\n')
    await check(command, folder)
    assert.equal(await running.ended, 255)
  }

  async function checkForward(command: string): Promise<void> {
    const [, ...words] = command.replace('db-01', 'web-01').replace(/\d+:/, '0:').split(' ')
    await using forward = sessions.start(words)
    await until('the port', () => forward.stdout().startsWith('forwarding 127.0.0.1:'))
    forward.signal('SIGINT')
    assert.equal(await forward.ended, 0)
  }
})
