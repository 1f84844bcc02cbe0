import { closeSync, openSync } from 'node:fs'
import { importFfi } from '@plexd/runtime'
import type { Namespace } from './namespace.ts'

/** Calls `open` inside a namespace: a socket stays in the one in which it was made. */
export async function enterNamespace<Result>(
  { name }: Namespace,
  open: () => Result,
): Promise<Result> {
  const { dlopen } = await importFfi()
  const { functions: libc } = dlopen(null, {
    setns: { arguments: ['int32', 'int32'], return: 'int32' },
  })
  const [home, there] = [
    openSync('/proc/thread-self/ns/net', 'r'),
    openSync(`/run/netns/${name}`, 'r'),
  ]
  const cloneNewnet = 0x40000000
  try {
    if (libc.setns(there, cloneNewnet) !== 0) throw new Error(`enter namespace "${name}"`)
    return open()
  } finally {
    if (libc.setns(home, cloneNewnet) !== 0) process.abort() // all that follows would hit the wrong network
    closeSync(there)
    closeSync(home)
  }
}
