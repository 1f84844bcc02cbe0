import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface JanitorOptions {
  folder: string
  /** What the names of the network namespaces begin with that go too, with all that runs there. */
  namespaces?: string
}

/** Removes a folder and namespaces when this process ends in whatever way, and has nothing left to do when disposed. */
export function startJanitor({ folder, namespaces = '' }: JanitorOptions): AsyncDisposable {
  // A session of its own: Ctrl-C in a terminal is not for it. Its input ends when this process does.
  const child = spawn('sh', ['-c', script, 'janitor', folder, namespaces], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const ended = once(child, 'exit')
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}

const script = `cat
if [ -n "$2" ]; then
  for name in $(ip netns list | cut -d ' ' -f 1); do
    case $name in
      "$2"*) ip netns pids "$name" | xargs -r kill -9; ip netns delete "$name" ;;
    esac
  done
fi
rm -rf "$1"
`
