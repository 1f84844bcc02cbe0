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
})

export type Limits = Resolved<typeof limits>
