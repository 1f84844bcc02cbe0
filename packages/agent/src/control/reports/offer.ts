import {
  type Client,
  type ControlApi,
  digestOfReports,
  type ReportComparison,
  type ReportVersion,
} from '@plexd/protocol'
import type { Mark } from '../../disk/mark.ts'
import type { ReportStore } from '../../state/reports/report-store.ts'
import { type Delivery, type DeliveryDeps, startDelivery } from '../delivery.ts'

export interface ReportOfferDeps extends DeliveryDeps {
  store: Pick<ReportStore, 'keys' | 'get' | 'isEmpty' | 'resend'>
  client: Pick<Client<ControlApi>, 'compareReports'>
  nodeId: string
  /** The run (life) of the control plane that answers; empty while unknown. */
  life(): string
  /** The run with which the reports were last compared. */
  mark: Mark
}

/** Entries per request. */
const pageSize = 500

/**
 * After a restored backup, the control plane may have lost confirmed reports.
 * So each of its runs is asked once, with one digest; entries that it lacks, or that were deleted since, are sent again.
 */
export function startReportOffer(deps: ReportOfferDeps): Delivery {
  const { mark, life } = deps
  return startDelivery<string>(
    {
      name: 'comparison of reports',
      next: () => (life() === '' || mark.read() === life() ? [] : [life()]),
      idOf: (compared) => compared,
      send: (_, signal) => compare(deps, signal),
      remove: ([compared = '']) => mark.write(compared),
    },
    deps,
  )
}

async function compare(
  { store, client, nodeId }: ReportOfferDeps,
  signal: AbortSignal,
): Promise<void> {
  if (store.isEmpty()) return
  const all = versionsOf(store)
  const ask = async (body: ReportComparison) =>
    (await client.compareReports({ params: { node_id: nodeId }, body, signal })).body
  if ((await ask({ digest: await digestOfReports(all) })).same) return
  for (const page of pagesOf(all)) {
    const { missing, surplus } = await ask({ ...page, digest: await digestOfReports(page.entries) })
    await store.resend([...missing, ...surplus])
  }
}

function versionsOf({ keys, get }: Pick<ReportStore, 'keys' | 'get'>): ReportVersion[] {
  return keys().flatMap((key) => {
    const { version, updated_at } = get(key) ?? {}
    return version === undefined || updated_at === undefined ? [] : [{ key, version, updated_at }]
  })
}

/** The pages cover all keys without gaps, including those the node does not have. */
function* pagesOf(all: readonly ReportVersion[]) {
  for (let at = 0; at === 0 || at < all.length; at += pageSize) {
    const after = all[at - 1]?.key
    const isLast = at + pageSize >= all.length
    const through = isLast ? undefined : all[at + pageSize - 1]?.key
    yield {
      ...(after === undefined ? {} : { after }),
      ...(through === undefined ? {} : { through }),
      entries: all.slice(at, at + pageSize),
    }
  }
}
