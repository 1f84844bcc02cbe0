/** A tour of the system: a control plane and three agents, every command really run. `--once` ends after it. */
import { once } from 'node:events'
import { describeError } from '@plexd/runtime'
import { type MeshStage, startMeshStage } from './demo/mesh-stage.ts'
import { showLeaving, showMesh } from './demo/mesh-tour.ts'
import { type Stage, startStage } from './demo/stage.ts'
import { say, title } from './demo/terminal.ts'
import { showNodes, showOperation, showState } from './demo/tour.ts'
import { labSkip } from './laboratory/requirements.ts'

const endsByItself = readArguments()
const hostnames = ['web-01', 'web-02', 'db-01'] as const

/** Whether `--once` was given; any other argument is an error. */
function readArguments(): boolean {
  const wrong = process.argv.slice(2).find((argument) => argument !== '--once')
  if (wrong === undefined) return process.argv.length > 2
  process.stderr.write(`demo: read argument "${wrong}": want --once, or nothing\n`)
  process.exit(2)
}

async function main(): Promise<void> {
  const noMesh = labSkip()
  if (noMesh === false) await play(startMeshStage, meshTour)
  else await play(startStage, (stage) => tour(stage, noMesh))
}

/** Gives the tour, until a signal ends it. */
async function play<Any extends Stage>(
  start: () => Promise<Any>,
  give: (stage: Any) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const interrupted = Promise.race(signals.map((signal) => once(process, signal)))
  title('Starting a control plane and three agents')
  await using stage = await start()
  const stopped = await Promise.race([interrupted.then(() => true), give(stage).then(() => false)])
  if (stopped) return
  title(`Done in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`)
  if (endsByItself) return
  say(`\nAll of it keeps running. ${stage.invitation}\n\nCtrl-C ends it and leaves nothing behind.`)
  await interrupted
  say('\nStopping: the control plane and the agents end, their files go.')
}

async function tour(stage: Stage, noMesh: string): Promise<void> {
  say(`No packets are moved here, for ${noMesh}: as root, "./run demo" shows a mesh as well.`)
  await enrolAll(stage)
  await showNodes(stage)
  await showState(stage)
  await showOperation(stage)
}

async function meshTour(stage: MeshStage): Promise<void> {
  say('Each runs in a network namespace of its own; the network of this machine is left alone.')
  await enrolAll(stage)
  await showNodes(stage)
  await showMesh(stage)
  await showState(stage)
  await showOperation(stage)
  await showLeaving(stage)
}

async function enrolAll(stage: Stage): Promise<void> {
  say(
    `The control plane listens on ${stage.serverUrl}, with a private CA it made at its first start.`,
  )
  await Promise.all(hostnames.map((hostname) => stage.startAgent(hostname)))
}

try {
  await main()
} catch (error) {
  process.stderr.write(`demo: ${describeError(error)}\n`)
  process.exitCode = 1
}
