import assert from 'node:assert/strict'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { ownersHere, resolveLimits, silentLog, systemClock } from '@plexd/runtime'
import fc from 'fast-check'
import { limits } from '../config/limits.ts'
import { makeFolder } from '../testing/node.ts'
import { readHook } from './files/find-hooks.ts'
import { createPrepareHook } from './prepare-hook.ts'
import { createHookRegistry, type HookRegistry } from './registry.ts'
import { copyPlaces } from './run/private-copy.ts'
import { runPlain } from './testing/run-plain.ts'

/** What happens to one hook; `run` and `restart` look at the disk. */
type Step =
  | { do: 'write'; text: string }
  | { do: 'mode'; mode: number }
  | { do: 'declare'; text: string }
  | { do: 'remove' | 'undeclare' | 'reload' | 'restart' | 'run' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('write'), text: fc.constantFrom('one', 'two') }),
  },
  fc.record({ do: fc.constant('mode'), mode: fc.constantFrom(0o755, 0o644, 0o775, 0o757) }),
  fc.record({ do: fc.constant('declare'), text: fc.constantFrom('{}', '{"timeout":"1s"}', '{') }),
  fc.record({ do: fc.constantFrom('remove', 'undeclare', 'reload', 'restart') }),
  { weight: 4, arbitrary: fc.record({ do: fc.constant('run') }) },
) as fc.Arbitrary<Step> // the constants are of the union

interface Content {
  text: string
  declaration: string | undefined
}

/** What should be so, kept as simply as it can be said. */
class Model {
  file: { text: string; mode: number } | undefined
  declaration: string | undefined
  announced: Content | undefined

  /** Undefined for a hook that is not there; its content, or that it is unsafe. */
  content(): Content | 'unsafe' | undefined {
    if (!this.file) return undefined
    const isExecutable = (this.file.mode & 0o100) !== 0
    if (!isExecutable && this.declaration === undefined) return undefined
    if (!isExecutable || (this.file.mode & 0o022) !== 0 || this.declaration === '{') return 'unsafe'
    return { text: this.file.text, declaration: this.declaration }
  }

  look(): void {
    const content = this.content()
    if (content !== 'unsafe') this.announced ??= content
  }

  reload(): void {
    const content = this.content()
    if (content !== 'unsafe') this.announced = content
  }

  /** What a run prints; undefined if it is refused or nobody knows it. */
  run(): string | undefined {
    const content = this.content()
    if (content === undefined || content === 'unsafe' || !this.announced) return undefined
    const { text, declaration } = this.announced
    return text === content.text && declaration === content.declaration ? text : undefined
  }
}

it('runs a hook exactly when it is safe and as it was announced, whatever was done to it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using folder = await makeFolder()
      const machine = await makeMachine(folder.path)
      const model = new Model()
      for (const one of [...steps, { do: 'run' } as const]) {
        await machine.take(one)
        follow(model, one)
        if (one.do === 'run') assert.equal(await machine.run(), model.run())
      }
    }),
    { numRuns: 100 },
  )
})

function follow(model: Model, step: Step): void {
  if (step.do === 'write') model.file = { text: step.text, mode: model.file?.mode ?? 0o755 }
  else if (step.do === 'mode' && model.file) model.file.mode = step.mode
  else if (step.do === 'declare') model.declaration = step.text
  else if (step.do === 'remove') model.file = undefined
  else if (step.do === 'undeclare') model.declaration = undefined
  else if (step.do === 'reload') model.reload()
  else if (step.do === 'restart' || step.do === 'run') model.look()
}

async function makeMachine(folder: string) {
  const [hooksDir, dataDir] = [join(folder, 'hooks.d'), join(folder, 'data')]
  await mkdir(hooksDir, { mode: 0o755 })
  await mkdir(dataDir)
  const [path, sidecar] = [join(hooksDir, 'hook'), join(hooksDir, 'hook.json')]
  const find = {
    hooksDir,
    hookDefinitions: [],
    owners: ownersHere(),
    limits: resolveLimits(limits, {}),
  }
  const nothing = (): void => {}
  const told = { onLook: nothing, onDeviation: nothing, onFailure: nothing }
  const start = (): HookRegistry =>
    createHookRegistry({ ...told, find, dataDir, clock: systemClock, log: silentLog })
  let registry = start()
  await registry.look(0)

  async function take(step: Step): Promise<void> {
    if (step.do === 'write') await writeFile(path, script(step.text), { mode: 0o755 })
    else if (step.do === 'mode')
      await chmod(path, step.mode).catch(nothing) // there may be none
    else if (step.do === 'declare') await writeFile(sidecar, step.text, { mode: 0o644 })
    else if (step.do === 'remove') await rm(path, { force: true })
    else if (step.do === 'undeclare') await rm(sidecar, { force: true })
    else if (step.do === 'reload') await registry.reload()
    else {
      if (step.do === 'restart') registry = start()
      await registry.look(0)
    }
  }

  async function run(): Promise<string | undefined> {
    const prepare = createPrepareHook({
      ...told,
      registry,
      read: (file) => readHook(file, find),
      places: copyPlaces({ dataDir, socketPath: join(folder, 'api.sock') }),
      nodeId: () => 'n_test',
      runContained: runPlain,
    })
    const prepared = await prepare('hook', {}, undefined).catch(nothing) // refused
    const { stdout } = (await prepared?.(context)) ?? {}
    return stdout?.trim()
  }

  return { take, run }
}

const script = (text: string): string => `#!/bin/sh\necho ${text}\n`

const context = {
  signal: new AbortController().signal,
  executionId: 'exec_1',
  action: 'hook',
  triggeredBy: {},
  outputBytes: 1_024,
}
