import { writeSync } from 'node:fs'
import { silentLog } from '@plexd/runtime'
import { openQueue } from '../queue.ts'

/**
 * The program that the queue's kill test kills: eight writers add items, and a sender removes the oldest, until the end. Each says
 * on stdout what it is about to do, and then that it was acknowledged.
 */
const [folder = '', run = ''] = process.argv.slice(2)
const queue = await openQueue<string>(folder, {
  name: 'things',
  isItem: (value) => typeof value === 'string',
  limit: { bytes: 1e9 },
  whenFull: 'refuse newest',
  log: silentLog,
})

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

async function writer(name: number): Promise<never> {
  for (let n = 0; ; n++) {
    const items = [`${run}.${name}.${n}`, `${run}.${name}.${n} ${'x'.repeat((n * 977) % 60_000)}`]
    say({ adding: items.map(nameOf) })
    await queue.append(items)
    say({ added: items.map(nameOf) })
  }
}

async function sender(): Promise<never> {
  for (;;) {
    const items = await queue.read({ items: 10, bytes: 1e6 })
    const names = items.map(({ value }) => nameOf(value))
    say({ removing: names })
    await queue.remove(items.map(({ number }) => number))
    say({ removed: names })
  }
}

/** Items of one call differ in their length. */
function nameOf(value: string): string {
  return `${value.split(' ')[0]}/${value.length}`
}

await Promise.all([sender(), ...Array.from({ length: 8 }, (_, name) => writer(name))])
