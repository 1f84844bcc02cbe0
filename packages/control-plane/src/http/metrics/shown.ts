import { Counter, Gauge } from 'prom-client'
import type { Instruments } from './instruments.ts'

/** Of one kind of records of one forward. */
export interface ForwardCounts {
  name: string
  records: string
  sent: number
  refused: number
  removed: number
  lag_seconds: number
}

/** Of backups. */
export interface BackupHealth {
  /** Since 1970; undefined if none was made. */
  lastSuccessMs: number | undefined
  isFailing: boolean
}

/** What others count. It is read when the metrics are requested, and is not there before it is shown. */
export function createShownMetrics({ registers }: Instruments) {
  return {
    /** The expiry in milliseconds since 1970, by certificate name. */
    showCertificates(ends: () => ReadonlyMap<string, number>) {
      new Gauge({
        name: 'plexd_certificate_not_after_timestamp_seconds',
        help: 'When a certificate ends that nodes and operators have to trust',
        labelNames: ['certificate'],
        registers,
        collect() {
          for (const [certificate, endsMs] of ends()) this.set({ certificate }, endsMs / 1_000)
        },
      })
    },
    showForwards(status: () => readonly ForwardCounts[]) {
      new Counter({
        name: 'plexd_forward_records_total',
        help: 'What was passed on: log records or values of metrics that were sent or refused; removed: records that were kept no longer before',
        labelNames: ['forward', 'records', 'outcome'],
        registers,
        collect() {
          this.reset()
          for (const { name: forward, records, sent, refused, removed } of status())
            for (const [outcome, count] of Object.entries({ sent, refused, removed }))
              this.inc({ forward, records, outcome }, count)
        },
      })
      new Gauge({
        name: 'plexd_forward_lag_seconds',
        help: 'Since the oldest record came that was not passed on yet',
        labelNames: ['forward', 'records'],
        registers,
        collect() {
          for (const { name: forward, records, lag_seconds } of status())
            this.set({ forward, records }, lag_seconds)
        },
      })
    },
    showBackups(health: () => BackupHealth) {
      new Gauge({
        name: 'plexd_backup_last_success_timestamp_seconds',
        help: 'When the last backup was made; 0 if none was',
        registers,
        collect() {
          this.set((health().lastSuccessMs ?? 0) / 1_000)
        },
      })
      new Gauge({
        name: 'plexd_backup_failing',
        help: '1 if a scheduled backup failed, and none was made since',
        registers,
        collect() {
          this.set(health().isFailing ? 1 : 0)
        },
      })
    },
  }
}
