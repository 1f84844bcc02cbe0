import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { addFaults, addLoopDelay, after } from './figures.ts'

/** Streams are cut while things change, and no event is lost or repeated by it. */
export const churn: Bench = {
  name: 'churn',
  targets: [],
  summary: 'streams are cut and opened again while endpoints change',
  topology: 'full',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const seconds = context.seconds ?? (context.quick ? 1 : 30)
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    await fleet.pull()
    await fleet.open()
    const isOver = after(seconds)
    let cuts = 0
    let changes = 0
    const cut = async (): Promise<void> => {
      while (!isOver()) {
        const some = Array.from({ length: Math.ceil(size / 100) }, () =>
          Math.floor(Math.random() * size),
        )
        const each = [...new Set(some)]
        await fleet.close(each)
        await delay(50)
        await fleet.open(each)
        cuts += each.length
      }
    }
    const change = async (): Promise<void> => {
      while (!isOver()) {
        await fleet.move(changes % size, `198.51.100.4:${1_024 + (changes % 60_000)}`)
        changes++
        await delay(50)
      }
    }
    await context.profiled(fleet.plane.own, () => Promise.all([cut(), change()]))
    await addFaults(context, fleet)
    context.add({ what: 'streams cut and opened again', unit: '/s', value: cuts / seconds })
    context.add({ what: 'changes meanwhile', unit: '/s', value: changes / seconds })
    addLoopDelay(context, await fleet.plane.usage())
  },
}
