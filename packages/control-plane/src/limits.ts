import { limitTable, type Limits as Resolved } from '@plexd/runtime'

/**
 * What the control plane lets others take. Each has a row in docs/reference/settings.md, and is set with
 * `--limit NAME=NUMBER` or under `limits:` in the file.
 */
export const limits = limitTable({
  handshakes: {
    unit: 'count',
    default: 64,
    summary: 'TLS handshakes that go on at a time; further connections wait',
  },
  endpoint_changes: {
    unit: 'count',
    default: 5,
    summary:
      'changes of its endpoint that a node may have told to its peers at once; a further one is stored, and told at its turn',
  },
  endpoint_refill_ms: {
    unit: 'ms',
    default: 10_000,
    summary: 'time after which a node may have one more change of its endpoint told',
  },
})

export type Limits = Resolved<typeof limits>
