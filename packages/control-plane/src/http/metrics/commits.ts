import type { Follower } from '../../log/log.ts'
import type { Instruments } from './instruments.ts'

export function createCommitMetrics({ counter, histogram }: Instruments) {
  const commits = histogram(
    'plexd_commit_group_size',
    'Units of work that shared a transaction and its fsync',
    [1, 2, 4, 8, 16, 32, 64, 128, 256],
  )
  const published = counter(
    'plexd_events_published_total',
    'Events committed to the log',
    'event_type',
  )
  const recipients = counter(
    'plexd_events_addressed_total',
    'Recipients of the events committed to the log',
    'event_type',
  )
  const deliveries = counter(
    'plexd_events_delivered_total',
    'Events that have left for a node, repeats included',
  )
  const follow: Follower = ({ events }) => {
    for (const { event_type, audience } of events) {
      published.inc({ event_type })
      recipients.inc({ event_type }, audience.length)
    }
  }
  return {
    committed: (groupSize: number) => commits.observe(groupSize),
    follow,
    delivered: (count: number) => deliveries.inc(count),
  }
}
