import { AlertSeverity } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import { Option } from 'commander'
import { type Admin, call, list, noun } from '../../command.ts'
import { durationFlag } from '../../terminal/input.ts'
import { age, printDone } from '../../terminal/output.ts'

interface CreateFlags {
  severity?: AlertSeverity[]
  allowHttp?: boolean
}

export const webhookCommands = noun(
  {
    name: 'webhooks',
    description: 'where alerts are sent to',
    examples: ['plexctl alerts webhooks list'],
  },
  call({
    name: 'create',
    description: 'have alerts sent to a URL; text output is the secret that signs them, alone',
    args: [['<name>'], ['<url>', 'it receives a POST with JSON']],
    flags: (command) =>
      command
        .addOption(
          new Option('--severity <severity...>', 'only these; all when left out').choices(
            AlertSeverity.enum,
          ),
        )
        .option('--allow-http', 'allow http://, by which anybody on the way reads the alerts'),
    examples: [
      'plexctl alerts webhooks create ops https://alerts.example.com/plexd > webhook-secret',
      'plexctl alerts webhooks create pager https://pager.example.com/hook --severity critical',
    ],
    call: (admin: Admin, name: string, url: string, { severity, allowHttp }: CreateFlags) =>
      admin.createAlertWebhook({
        body: { name, url, severities: severity, allow_http: allowHttp },
      }),
    text: ({ secret }) => secret,
    note: () => 'give it to the receiver; it is not shown again',
  }),
  list({
    description: 'list webhooks, with what waits for them',
    examples: ['plexctl alerts webhooks list'],
    items: async (admin: Admin) => (await admin.listAlertWebhooks({})).body.items,
    columns: [
      'name',
      'origin',
      ['severities', ({ severities }) => severities.join(',')],
      'waiting',
      'delivered',
      'dropped',
      age('created_at'),
      ['error', ({ last_error }) => last_error || '-'],
    ],
  }),
  call({
    name: 'rotate-secret',
    description:
      'give a webhook a new secret; for a while both sign. Text output is the new one, alone',
    args: [['<webhook>', 'its name']],
    flags: (command) =>
      command.option(
        '--transition <duration>',
        'how long the secret before signs as well, 0s for not at all (default 24h)',
        durationFlag,
      ),
    examples: [
      'plexctl alerts webhooks rotate-secret ops > webhook-secret',
      'plexctl alerts webhooks rotate-secret ops --transition 0s',
    ],
    call: (admin: Admin, name: string, { transition }: { transition?: string }) =>
      admin.rotateAlertWebhookSecret({
        params: { alert_webhook: name },
        body: { transition_period: transition },
      }),
    text: ({ secret }) => secret,
    note({ previous_secret_until: until }) {
      const before = until === null ? 'signs no more' : `signs as well until ${until}`
      return `give it to the receiver; it is not shown again. The one before ${before}`
    },
  }),
  call({
    name: 'test',
    description: 'send a message to a webhook once',
    args: [['<webhook>', 'its name']],
    examples: ['plexctl alerts webhooks test ops'],
    call: (admin: Admin, name: string) =>
      admin.testAlertWebhook({ params: { alert_webhook: name } }),
    print(io, test, json) {
      if (json || test.delivered) printDone(io, test, { json, text: 'it was taken' })
      if (!test.delivered)
        throw new CliError(`send a message to the webhook: ${test.error}`, exitCodes.failed)
    },
  }),
  call({
    name: 'remove',
    description: 'delete a webhook, and what waits for it',
    args: [['<webhook>', 'its name']],
    examples: ['plexctl alerts webhooks remove ops --yes'],
    asks: (name) => `remove webhook "${name}", and what waits for it`,
    call: (admin: Admin, name: string) =>
      admin.deleteAlertWebhook({ params: { alert_webhook: name } }),
    text: (_body, name) => `removed "${name}"`,
  }),
)
