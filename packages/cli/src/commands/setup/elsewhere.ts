interface Place {
  /** As it is typed there. */
  runs: readonly string[]
  /** What plexctl has instead. */
  here?: string
}

const ofControlPlane = 'on the machine of the control plane'
const ofNode = 'on the node'

const own = (program: 'plexd' | 'plexd-control-plane', name: string): string =>
  `"${program} ${name}" ${program === 'plexd' ? ofNode : ofControlPlane}`

const node = (name: string, here?: string): Place =>
  here === undefined ? { runs: [own('plexd', name)] } : { runs: [own('plexd', name)], here }
const plane = (name: string): Place => ({ runs: [own('plexd-control-plane', name)] })
const both = (name: string, here?: string): Place => ({
  runs: [own('plexd', name), own('plexd-control-plane', name)],
  ...(here === undefined ? {} : { here }),
})

/** Commands of the other programs, by their names, which people type here. */
export const elsewhere: Readonly<Record<string, Place>> = {
  backup: plane('backup'),
  restore: plane('restore'),
  serve: plane('serve'),
  doctor: both('doctor'),
  bugreport: both('bugreport', 'plexctl support bundle'),
  join: node('join', 'plexctl token create --join'),
  setup: node('setup', 'plexctl token create --install-command'),
  up: node('up'),
  down: node('down'),
  deregister: node('deregister', 'plexctl node remove'),
  peers: node('peers', 'plexctl node show'),
  netcheck: node('netcheck'),
  state: node('state', 'plexctl data list'),
}

/** Our own commands, by other words for them. */
const otherWords: Readonly<Record<string, string>> = {
  label: 'plexctl node label set',
  run: 'plexctl action run',
  exec: 'plexctl ssh',
}

/** Where a command is that is none of plexctl; undefined if it is of no program. */
export function whereIs(command: string): string | undefined {
  if (Object.hasOwn(otherWords, command)) return `here it is "${otherWords[command]}"`
  if (!Object.hasOwn(elsewhere, command)) return undefined
  const { runs, here } = elsewhere[command] as Place // it has it
  return `run ${runs.join(' or ')}${here === undefined ? '' : `; here there is "${here}"`}`
}
