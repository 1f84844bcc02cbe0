import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDeclaration } from './declaration.ts'

const read = (given: Record<string, unknown>) => {
  const { parameters: _, ...rest } = readDeclaration(given).declaration
  return rest
}

describe('readDeclaration', () => {
  it('has an answer for all that is not declared', () => {
    assert.deepEqual(read({}), {
      description: '',
      timeoutMs: 30_000,
      user: undefined,
      limits: {},
      sandbox: 'none',
      network: false,
      writable: [],
      image: undefined,
    })
  })

  it('reads the sidecar files of the Go agent, with their nulls and empty texts', () => {
    const given = { description: 'Back up', parameters: null, timeout: '', sandbox: '' }
    assert.partialDeepStrictEqual(read(given), { description: 'Back up', timeoutMs: 30_000 })
  })

  it('reads our words and those of the README alike', () => {
    const ours = {
      timeout: '300s',
      user: 'backup-agent',
      sandbox: 'namespaced',
      limits: { cpu: 1.5, memory: '512M', pids: 64 },
      network: true,
      writable: ['/var/backups'],
    }
    const theirs = {
      timeout: '5m',
      user: 'backup-agent',
      sandbox: 'namespaced',
      resources: { cpu: '1.5', memory: 512 * 2 ** 20, pids: 64 },
      sandbox_options: { network: 'host', writable_paths: ['/var/backups'] },
    }
    assert.deepEqual(read(ours), read(theirs))
    assert.deepEqual(read(ours).limits, { cpuPercent: 150, memoryBytes: 2 ** 29, pids: 64 })
  })

  it('says what is wrong with a field', () => {
    const cases: [Record<string, unknown>, RegExp][] = [
      [{ timeout: 'soon' }, /parse duration "soon"/],
      [{ timeout: '0s' }, /timeout "0s": want more than 0s/],
      [{ timeout: 5 }, /timeout 5: want a text/],
      [{ sandbox: 'jail' }, /sandbox "jail": want/],
      [{ sandbox: 'container' }, /sandbox "container" wants an image/],
      [{ sandbox: 'container', image: '--privileged' }, /image "--privileged": want its name/],
      [{ user: 'a b' }, /user "a b": want the name of a user, or a uid/],
      [{ user: -1 }, /user "-1"/],
      [{ limits: { memory: 'lots' } }, /memory "lots": want/],
      [{ limits: { memory: 5 } }, /memory "5": want an amount of at least 1M/],
      [{ limits: { cpu: '0' } }, /cpu "0": want a number of cores/],
      [{ limits: { pids: 0 } }, /limits.pids 0: want 1 or more/],
      [{ writable: ['var'] }, /writable "var": want a path that begins/],
      [{ network: 'yes' }, /network "yes": want true or false/],
      [{ parameters: {} }, /parameters \(an object\): want a list/],
      [{ parameters: [{}] }, /parameters\[0\] has no "name"/],
      [{ parameters: [{ name: 'a', type: 'float' }] }, /parameters\[0\].type "float": want/],
    ]
    for (const [given, why] of cases) assert.throws(() => readDeclaration(given), why)
  })

  it('names fields that nobody reads, however deep', () => {
    const given = {
      name: 'x',
      limits: { memroy: '1M' },
      sandbox_options: { mount_proc: true },
      parameters: [{ name: 'a' }, { name: 'b', secret: true }],
    }
    assert.deepEqual(readDeclaration(given).warnings, [
      'its declaration has a field "name" that nobody reads',
      'its declaration has a field "limits.memroy" that nobody reads',
      'its declaration has a field "sandbox_options.mount_proc" that nobody reads',
      'its declaration has a field "parameters[1].secret" that nobody reads',
    ])
  })

  it('names what has no effect in its sandbox', () => {
    const given = { network: false, writable: ['/srv'], image: 'debian' }
    const idle = (sandbox: string, names: string[]) =>
      names.map(
        (name) => `its declaration has "${name}", which has no effect in the sandbox "${sandbox}"`,
      )
    const warningsOf = (more: object): string[] => readDeclaration({ ...given, ...more }).warnings
    assert.deepEqual(warningsOf({}), idle('none', ['network', 'writable', 'image']))
    assert.deepEqual(warningsOf({ sandbox: 'namespaced' }), idle('namespaced', ['image']))
    assert.deepEqual(warningsOf({ sandbox: 'container' }), [])
    assert.deepEqual(
      readDeclaration({ sandbox_options: { network: 'none', writable_paths: [] } }).warnings,
      idle('none', ['network']),
    )
  })
})
