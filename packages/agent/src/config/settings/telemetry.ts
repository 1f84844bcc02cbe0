import { severities } from '@plexd/protocol'
import { setting } from './setting.ts'
import { duration, flag, path, text, texts, word } from './values.ts'

/** What is measured, read and sent of this machine. The Go agent calls the sections `metrics`, `log_fwd` and `audit_fwd`. */
export const telemetrySettings = {
  observeEnabled: setting(true, flag, {
    keys: ['observe.enabled', 'metrics.enabled'],
    help: 'measure this machine and its tunnels, and send it to the control plane',
  }),
  observeMs: setting(15_000, duration(5_000), {
    keys: ['observe.interval', 'observe.metrics.interval', 'metrics.collectinterval'],
    help: 'how often it is measured',
  }),
  observeFlushMs: setting(10_000, duration(1_000), {
    keys: ['observe.flush_interval', 'metrics.reportinterval'],
    help: 'how long metrics are gathered before they are sent',
  }),
  observeScrape: setting<readonly string[]>([], httpUrls, {
    keys: ['observe.scrape'],
    help: 'a list of addresses at which programs say what they measure, in the form of Prometheus: http://127.0.0.1:9100/metrics',
  }),
  observeListen: setting<string | undefined>(undefined, listenAddress, {
    keys: ['observe.listen'],
    help: 'where metrics are served to Prometheus beside the Local Node API, ADDRESS:PORT; nowhere by default',
  }),
  logsEnabled: setting(true, flag, {
    keys: ['logs.enabled', 'log_fwd.enabled'],
    help: 'send logs of this machine to the control plane',
  }),
  logsFlushMs: setting(1_000, duration(100), {
    keys: ['logs.flush_interval', 'log_fwd.reportinterval'],
    help: 'how long log records are gathered before they are sent',
  }),
  logsJournald: setting(true, flag, {
    keys: ['logs.journald'],
    help: 'read the journal of systemd, where there is one',
  }),
  // What can never be a file costs only itself, see log-files.ts: plexd starts, and says so.
  logsFiles: setting<readonly string[]>([], texts, {
    keys: ['logs.files'],
    help: 'a list of files to follow by their absolute paths, in which `*`, `?`, `[abc]` and `{a,b}` are those of a shell',
  }),
  logsUnits: setting<readonly string[]>([], texts, {
    keys: ['logs.units'],
    help: 'the only units of the journal that are sent, beside plexd itself; all by default',
  }),
  logsSeverity: setting('debug', word(...severities), {
    keys: ['logs.severity'],
    help: 'the least severity that is sent: debug, info, warn or error',
  }),
  logsRedact: setting<readonly string[]>([], texts, {
    keys: ['logs.redact'],
    help: 'regular expressions of what is made unreadable before a record leaves this machine, beside what plexd knows by itself as a credential',
  }),
  logsMultiline: setting<string | undefined>(undefined, text, {
    keys: ['logs.multiline'],
    help: 'a regular expression that the first line of each record in a file matches; each line is a record by default',
  }),
  logsJson: setting('auto', word('auto', 'off'), {
    keys: ['logs.json'],
    help: 'auto: a line that is one JSON object with a message is sent as message, severity and fields; off: it stays a text',
  }),
  // Off: what a machine audits may name everything that its users do, and its owner has to want that elsewhere.
  auditEnabled: setting(false, flag, {
    keys: ['audit.enabled', 'audit_fwd.enabled'],
    help: 'send audit records of this machine to the control plane',
  }),
  auditFlushMs: setting(1_000, duration(100), {
    keys: ['audit.flush_interval', 'audit_fwd.reportinterval'],
    help: 'how long audit records are gathered before they are sent',
  }),
  auditSources: setting<readonly string[]>([], auditPlaces, {
    keys: ['audit.sources'],
    help: 'where audit records come from: `netlink`, or the paths of a log or of a plugin socket of auditd; the first that can be used, of all by default',
  }),
  auditKeys: setting<readonly string[]>([], texts, {
    keys: ['audit.keys'],
    help: 'the only keys of audit rules whose records are sent; all by default',
  }),
  auditTypes: setting<readonly string[]>([], texts, {
    keys: ['audit.types'],
    help: 'the only types of audit records that are sent, as SYSCALL or USER_LOGIN; all by default',
  }),
  auditWatch: setting<readonly string[]>([], paths, {
    keys: ['audit.watch'],
    help: 'files and folders that plexd has the kernel watch for it, for as long as it runs',
  }),
  auditKubernetes: setting<string | undefined>(undefined, path, {
    keys: ['audit.kubernetes'],
    wants: 'file',
    help: 'the audit file of a Kubernetes API server on this machine; that of its usual place if it is there',
  }),
}

/** Addresses of programs of this machine, or of what it can reach. */
function httpUrls(value: unknown): readonly string[] {
  return texts(value).map((one) => {
    const { protocol, username = '', password = '' } = URL.parse(one) ?? {}
    // The address is shown in the status.
    if (username + password !== '')
      throw new RangeError('want an address without user and password')
    if (protocol === 'http:' || protocol === 'https:') return one
    throw new RangeError('want an address such as http://127.0.0.1:9100/metrics, or several')
  })
}

/** `ADDRESS:PORT`, with an IPv6 address in brackets. */
function listenAddress(value: unknown): string {
  const one = text(value)
  const url = URL.parse(`http://${one}`)
  if (url && url.host === one && url.port !== '') return one
  throw new RangeError('want ADDRESS:PORT, such as 10.100.0.7:9101')
}

/** Absolute paths, in which `*` may stand for any name: one, or a list. */
function paths(value: unknown): readonly string[] {
  return texts(value).map((one) => {
    if (one.startsWith('/')) return one
    throw new RangeError(`want the absolute path of a file, or several, not "${one}"`)
  })
}

/** Where audit records come from. */
function auditPlaces(value: unknown): readonly string[] {
  return texts(value).map((one) => {
    if (one === 'netlink' || one.startsWith('/')) return one
    throw new RangeError('want "netlink" or the absolute path of a log or socket, or several')
  })
}
