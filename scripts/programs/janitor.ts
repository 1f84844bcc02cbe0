import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface JanitorOptions {
  folder: string
  /** Prefix of the network namespaces to remove too, with all processes in them. */
  namespaces?: string
}

/** Removes a folder and namespaces when this process ends, however it ends, or when disposed. */
export function startJanitor({ folder, namespaces = '' }: JanitorOptions): AsyncDisposable {
  // In a session of its own, so that Ctrl-C does not end it. Its input ends with this process.
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
