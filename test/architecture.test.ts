import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { tools } from '@plexd/runtime'

/**
 * Who may import whom. A file obeys every row that it matches; a target is a path in the project, or the name of what
 * is not ours. `types` are targets that only `import type` may have: what is erased cannot do anything.
 */
const rules: { files: RegExp; targets: RegExp; types?: RegExp }[] = [
  { files: /^packages\/protocol\//, targets: ours('protocol') },
  { files: /^packages\/runtime\//, targets: ours('runtime', 'protocol') },
  { files: /^packages\/control-plane\//, targets: ours('control-plane', 'runtime', 'protocol') },
  { files: /^packages\/cli\//, targets: ours('cli', 'runtime', 'protocol') },
  // They meet in tests only, where the one is there for the other.
  {
    files: /^packages\/agent\/.*(\.test\.ts|\/testing\/.+)$/,
    targets: ours('agent', 'runtime', 'protocol', 'control-plane/testing'),
  },
  {
    files: /^packages\/agent\/.*(?<!\.test\.ts|\/testing\/.+)$/,
    targets: ours('agent', 'runtime', 'protocol'),
  },
  // It runs in a browser too.
  { files: /^packages\/protocol\/.*(?<!\.test\.ts)$/, targets: /^(packages\/|typebox)/ },
  // Transport knows no operation.
  {
    files: /^packages\/control-plane\/src\/http\//,
    targets: /^(?!.*\/src\/(control-api|admin-api)\/)/,
  },
  // Rows are read and written in one room, by files that alone know the columns of their noun; bulk data beside them by the store of each,
  // of which the form in PostgreSQL says so in its name or its folder.
  {
    files:
      /^packages\/control-plane\/src\/(?!(rows|store|telemetry\/postgres)\/|(artifacts|recordings)\/postgres-[a-z]+\.ts$|.*\/stores\/postgres\/).*(?<!\.test\.ts)$/,
    targets: /^(?!kysely$|.*\/src\/store\/schema\.ts$)/,
  },
  {
    files: /^packages\/control-plane\/src\/rows\/.*(?<!\.test\.ts)$/,
    targets:
      /^(?!packages\/control-plane\/src\/(?!(rows|store|mesh|seal)\/|events\/audience\.ts$))/,
  },
  // The database below knows no noun.
  {
    files: /^packages\/control-plane\/src\/store\/.*(?<!\.test\.ts)$/,
    targets: /^(?!packages\/control-plane\/src\/(?!store\/|(limits|version)\.ts$))/,
  },
  // Deciding is pure.
  {
    files: /^packages\/control-plane\/src\/mesh\/.*(?<!\.test\.ts)$/,
    targets: /^(packages\/protocol\/$|.*\/src\/(mesh\/|seal\/psk\.ts)|node:(util|crypto)$)/,
  },
  {
    files: /^packages\/agent\/src\/(reconcile\/plan|events\/fold)\.ts$/,
    targets: /^(packages\/protocol\/$|.*\/src\/(reconcile\/plan|events\/fold)\.ts|node:util$)/,
    types: /^packages\/agent\/src\//,
  },
  {
    files: /^packages\/agent\/src\/queue\/(record|contents|plan)\.ts$/,
    targets: /^(.*\/src\/queue\/(record|contents|plan)\.ts|node:zlib)$/,
  },
  // What is there for tests stays in tests.
  {
    files: /^(packages|scripts)\/.*(?<!\.test\.ts|\/testing\/.+)$/,
    targets: /^(?!packages\/.*\/testing\/)/,
  },
]

/** Rooms of a package, the lowest first. A room is a folder without those in it, or a file; `*` is any one folder. */
type Rooms = readonly (readonly [room: string, why: string])[]

/**
 * A file imports what is in its own room or in one that comes before it in its list, be it a type only. So whoever changes a room reads
 * what comes before it, and need not know who uses it.
 */
const protocolRooms: Rooms = [
  ['json', 'the text of JSON, whatever it says'],
  [
    'schemas',
    'the small types of which all others are made, and what is said of a value that is none',
  ],
  ['addresses', 'of networks and hosts, whoever has them'],
  ['names', 'of nodes and of what operators give names to'],
  ['versions', 'which is later, and which work together'],
  ['keys', 'how one is written'],
  ['policies', 'choose nodes by their names and addresses'],
  ['executions', 'of actions on one node, on many, and at set times'],
  ['sessions', 'on a node; whether it can have any is one of the things that it says of itself'],
  ['nodes', 'what they say of themselves and are told, of which policies are a part'],
  ['telemetry', 'what nodes measure, log and audit'],
  ['events', 'carry to a node a part of what it is told'],
  ['operations', 'what one is: who may call it, what goes out and what comes back'],
  ['admin', 'what only operators see, made of what nodes say and of who may do what'],
  ['admin/installation', 'what they see of the control plane itself'],
  ['local', 'what only programs on a node see'],
  ['apis/admin', 'has a table of operations on each noun'],
  ['apis/admin/installation', 'is one on how the control plane itself is set up'],
  ['apis', 'are tables of operations on all of the above'],
  ['.', 'shows it to others'],
]

const runtimeRooms: Rooms = [
  ['text', 'what is read and shown, whoever reads it'],
  ['time', 'the clock, and how long to wait'],
  ['queues', 'who is next, whatever is waited for'],
  ['files', 'what is on the disk, and what to do when it is full'],
  ['native', 'calls of the C library, for what Node has not'],
  ['log', 'tells of all that comes after it'],
  ['process', 'this one, and those that it runs'],
  ['service', 'a daemon from start to end, and what its manager is told of it'],
  ['net/udp', 'datagrams and their addresses'],
  ['net', 'reads certificates from files; no program is needed for it'],
  ['cli', 'what a person at a terminal gives and is told'],
  ['bundle', 'what support is sent, whichever program it is of'],
  ['.', 'shows it to others'],
]

const agentRooms: Rooms = [
  ['version.ts', 'counts the files that lie beside it, so it cannot have a room'],
  ['process/sockets', 'of the kernel that Node has not, whatever they are for'],
  ['process', 'loops, processes and sockets of any program; knows nothing of a mesh'],
  ['config/settings', 'what there is to set, by what it is of'],
  ['config', 'what a person has set is known before anything is opened'],
  ['health', 'each room tells its problems, and none is told of'],
  ['disk', 'a full disk is a problem; what is written there is the business of others'],
  ['queue', 'keeps what has to be sent, whatever it is and whoever sends it'],
  ['state', 'what the control plane wants, whoever brought it here'],
  ['state/reports', 'what programs report, kept by the same journal'],
  ['identity', 'who the node is; a name and ranges that it was told come by the state'],
  ['routing/tables', 'which ways and networks there are, whoever made them; changes none'],
  ['routing', 'the ways of packets of this machine, without which no interface is planned'],
  ['wireguard/backend', 'the words of WireGuard; all else about the interface is said in them'],
  ['wireguard/device', 'what is promised of the interface, apart from how it is kept'],
  ['wireguard/handover', 'decides which key a peer has, before peers are compared'],
  ['wireguard/peers', 'what to write for peers, whatever the interface is'],
  ['wireguard/interface', 'speaks to peers anew after it was changed'],
  ['wireguard', 'conducts its rooms'],
  ['firewall/rules', 'what may pass, as data: depends on nothing that enforces it'],
  ['firewall/nft', 'runs nft and reads what it prints, whatever it is run for'],
  ['firewall/host', 'what other programs filter here, which no table of ours decides'],
  ['firewall/backstop', 'stands behind our table and must not depend on how that is kept'],
  ['firewall/changes', 'hears who changed a table, and has others look at it'],
  ['firewall', 'lets pass what the routing has marked; conducts its rooms'],
  ['path', 'sends through an interface and a firewall that are there'],
  ['control/client', 'asks the control plane, whatever it is asked'],
  [
    'control',
    'carries what rooms above have to say; whoever has something to do gets it by events',
  ],
  ['control/reports', 'what programs of the node report, by the way that all of it goes'],
  ['control/stream', 'reads what comes by one long answer, and asks for it again'],
  ['installation', 'what the control plane says of itself, by whatever way it came'],
  ['contain/groups', 'holds processes together, whatever program they are of'],
  ['contain/launch', 'how one is started: as whom, in which sandbox, within which limits'],
  ['contain', 'runs a program so that it can be ended, whatever it was asked for'],
  ['upgrade', 'puts another program in the place of this one; an action is one way to ask for it'],
  ['actions', 'their results go out by the outbox'],
  ['actions/builtin', 'each is a user of what an action is'],
  ['hooks/declared', 'what an operator says of one, as text and as data'],
  ['hooks/files', 'which of them are safe to read, and what they say'],
  ['hooks/run', 'one, from what was read of it'],
  ['hooks', 'compares all with what was announced, and makes them actions'],
  [
    'sessions/authorisation',
    'whether one may be opened, from what was sent and what this machine has',
  ],
  [
    'sessions/link.ts',
    'what the daemon and the session server say to each other; each is a process of its own',
  ],
  ['sessions/ssh-encoding.ts', 'how SSH writes what it is made of, wherever it is written'],
  ['sessions/recording', 'what of one is kept, whoever runs it'],
  ['sessions/server/programs', 'run as the user of one, whoever asked for them'],
  ['sessions/server/forwards', 'go where one may reach, as its user too'],
  ['sessions/server/channel-recording.ts', 'what is recorded of a channel, whatever it carries'],
  ['sessions/server/ssh', 'turns what a client asks for into programs and forwards'],
  ['sessions/server', 'runs them, in a process of its own'],
  ['sessions', 'opens and ends them in the daemon'],
  ['events', 'become state, new keys and actions'],
  ['nat/stun', 'asks a server from a port, whatever the answer is for'],
  [
    'nat',
    'finds where the node is seen, for which the firewall lets STUN pass, and tells it as a change of state',
  ],
  ['reconcile', 'compares all of the above with what is wanted'],
  [
    'telemetry/buffer',
    'keeps records until the control plane has them, whoever collects them and whatever they say',
  ],
  ['telemetry/metrics', 'what this machine, its tunnels and its programs measure'],
  ['telemetry/logs/records', 'makes records of texts, wherever they were read'],
  ['telemetry/logs/journal', 'what systemd keeps'],
  ['telemetry/logs/files', 'what programs write themselves, whatever rotates it'],
  ['telemetry/logs', 'what its programs say'],
  ['telemetry/audit/kernel', 'what its audit is told, whoever reads what it says'],
  ['telemetry/audit/events', 'what lines of an audit say, whichever way they come'],
  ['telemetry/audit/linux', 'the ways to the kernel, of which one is taken'],
  ['telemetry/audit/kubernetes', 'has events of its own, in a file'],
  ['telemetry/audit', 'what its kernel and its Kubernetes saw'],
  ['registration', 'what a node must say of itself before it has a place'],
  ['mesh', 'opens, watches and takes away all that the network has of us'],
  ['local-api/requests', 'what is asked and by whom, before anything is answered'],
  ['local-api/answers', 'what is answered, as a function of the request'],
  ['local-api/sockets', 'who may connect, and how much of us each may take'],
  ['local-api', 'what programs on the node see; none of the above knows that they look'],
  ['standalone', 'one action, without a daemon'],
  ['daemon/stages', 'what is open at each of them, the one upon the other'],
  ['daemon/loops', 'what goes on while a node is enrolled'],
  ['daemon', 'starts them all and ends them in turn'],
  ['doctor', 'looks at everything from outside, whether a daemon runs or not'],
  ['bugreport', 'gathers all of that in one file'],
  ['commands/given', 'what a person has typed, whichever command it is for'],
  [
    'commands/setup',
    'from a machine with plexd on it to a node: the same words, with questions and checks',
  ],
  ['commands/local', 'asks the daemon of this machine by its socket'],
  ['commands', 'the words of the command line, each a user of the rest'],
  ['commands/table', 'says which there are, and loads the one that is typed'],
  ['.', 'starts the program'],
]

const controlPlaneRooms: Rooms = [
  ['version.ts', 'counts the files that lie beside it, so it cannot have a room'],
  ['limits.ts', 'how much anybody may take is known before anything is opened'],
  ['rhythm', 'when something is due that is done again and again'],
  ['config/settings', 'what there is to set is too'],
  ['config', 'so is what a person has set'],
  ['seal', 'keeps a secret at rest, whatever it is'],
  ['store/migrations', 'what they have to know of SQL'],
  [
    'store/migrations/*',
    'ten each, which stay as they were released, whatever becomes of the rest',
  ],
  ['store/tables', 'what a row of each noun holds'],
  ['store', 'knows no noun'],
  ['store/postgres', 'the same of a server, for whoever has outgrown a file'],
  ['store/place', 'which of the two an installation is in, and who may open it'],
  ['store/side', 'files beside the main database, each of which may be damaged'],
  ['store/copy', 'all rows of a file, whatever they say, into a database of a server'],
  ['mesh', 'decides who sees whom, from data to data'],
  ['mesh/labels', 'which of them choose a node, and what to say of those that choose none'],
  ['mesh/memory', 'the fleet as it is now, found by whatever is known of a node'],
  ['mesh/policies', 'what rules say of a mesh, which knows them as pairs of sides'],
  ['rows', 'the columns of each noun, for whoever reads or writes it'],
  ['rows/alerts', 'what is wrong with nodes, and who is told'],
  ['rows/executions', 'on one node, in runs of many, and those that are started by a schedule'],
  ['rows/fleet', 'rows that are in memory as well'],
  ['rows/log', 'says which of the rows have changed'],
  ['log', 'what is committed, whoever follows it'],
  ['change.ts', 'appends to the log in the transaction that changes the rows'],
  ['entries', 'are written by a change, and read by whoever sends them'],
  ['sessions', 'are made and ended by a change, and filled in by whoever sends them'],
  ['presence', 'what nodes were heard to say; knows of no row'],
  ['events/missed', 'is what a stream that opens has to send first'],
  ['events', 'carry to each node what the log has for it'],
  ['changes', 'decide who has to hear of one'],
  ['http/connections/proxies', 'who may say whose a connection is, and what it says'],
  ['http/connections', 'are there before a request is'],
  [
    'http/turns',
    'which request of a connection is answered next, and what is said to one that is none',
  ],
  ['access', 'tells who calls by the token and where it comes from'],
  ['rotation', 'changes keys of nodes, and all else that is sealed'],
  ['http/metrics', 'count what happens, whoever asks for them'],
  ['http/bodies', 'come with a request'],
  ['http', 'carries what any operation says'],
  ['http/docs', 'shows the operations to people and their tools'],
  ['sessions/relay', 'copies bytes from one side of a session to the other, whoever may have it'],
  ['tls', 'shows who we are, whatever is served'],
  ['replicas', 'passes connections on to the control plane that serves'],
  ['installation/control-planes', 'which there are on one database, and which of them serves'],
  ['installation', 'tells nodes whom to trust as us, and where we are'],
  ['stun', 'tells others their address, and needs nothing of us'],
  ['artifacts', 'files, or bytes in PostgreSQL, whoever puts or takes them'],
  ['artifacts/s3', 'or objects in a bucket'],
  ['executions', 'how one goes on, whoever tells it'],
  ['runs', 'of one action are many executions'],
  ['schedules', 'start them'],
  ['telemetry/packs', 'records of a batch as bytes, found without being unpacked'],
  ['telemetry', 'a database of its own'],
  ['telemetry/postgres', 'the same in tables of a database that others share'],
  ['telemetry/latest', 'follows what is stored there'],
  ['telemetry/series/hours', 'what is kept of one, wherever that is'],
  ['telemetry/series/stores', 'where they are kept: in a file'],
  ['telemetry/series/stores/postgres', 'or in a database'],
  ['telemetry/series', 'follows what is stored, and keeps less of it for longer'],
  ['telemetry/tail', 'likewise, for whoever reads along'],
  ['alerts/conditions', 'are looked at for one node, by what is known of it'],
  ['alerts/webhooks', 'who is told, whatever it is of'],
  ['alerts', 'judge nodes by what is known of them'],
  ['forward/protocols', 'says records in the words of others, and reads their answers'],
  ['forward', 'sends what is stored there, whoever runs the other end'],
  ['recordings', 'of sessions, likewise; whoever sends or plays them'],
  ['reports', 'how they are merged, whoever sends them'],
  ['parser', 'reads batches of reports and telemetry'],
  ['backup/archive', 'the format of a backup, whatever is in it'],
  ['backup', 'copies all that is on the disk, whoever has written it'],
  ['backup/planned', 'makes one when it is due, and tells of those that failed'],
  ['app.ts', 'all of the above, as handlers get it'],
  ['handle.ts', 'what a handler is'],
  ['integrity', 'judges what nodes say that they run'],
  ['nodes', 'change by what operators and they themselves say'],
  ['admin-api/wire', 'how operators name a node, a time or a page, whatever it is of'],
  ['admin-api/*', 'answers what is asked of one noun'],
  ['admin-api', 'has all of them in one table'],
  ['control-api/*', 'answers what nodes say of one noun'],
  ['control-api', 'has all of them in one table'],
  ['ops-api', 'answers monitors'],
  ['jobs', 'do what nobody asks for'],
  ['serving', 'puts the APIs behind doors'],
  ['start', 'what must be so before an app can be opened'],
  ['restore', 'puts a backup in the place of what is on the disk'],
  ['database-move', 'puts the state of the disk into a database of a server'],
  ['open-app', 'makes the app from what is on the disk'],
  ['control-plane.ts', 'opens, serves and ends it'],
  ['doctor', 'looks at everything from outside, whether it runs or not'],
  ['bugreport', 'gathers that and more in one file'],
  ['commands', 'the words of the command line, each a user of the rest'],
  ['.', 'starts the program'],
]

/** In how many files one still sees what is there. */
const maxFilesInFolder = 20

const root = join(import.meta.dirname, '..')
const files = listFiles(root)
const sources = files.filter((file) => file.endsWith('.ts'))

describe('the architecture', () => {
  it('lets a file import only what the table allows', () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .filter(({ target, isType }) => !isAllowed(file, target, isType))
        .map(({ target }) => `${file} imports ${target}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('has no circle of files, be it of types: each can be read with what it imports, and moved without the rest', () => {
    assert.deepEqual(circlesIn(new Map(sources.map((file) => [file, ownTargetsOf(file)]))), [])
  })

  it('goes one way through the rooms of the protocol', () => {
    assert.deepEqual(importsUpwards('packages/protocol/src/', protocolRooms), [])
  })

  it('goes one way through the rooms of the runtime', () => {
    assert.deepEqual(importsUpwards('packages/runtime/src/', runtimeRooms), [])
  })

  it('goes one way through the rooms of the agent', () => {
    assert.deepEqual(importsUpwards('packages/agent/src/', agentRooms), [])
  })

  it('goes one way through the rooms of the control plane', () => {
    assert.deepEqual(importsUpwards('packages/control-plane/src/', controlPlaneRooms), [])
  })

  it('has no folder in which one does not see what is there', () => {
    const folders = Map.groupBy(sources, dirname)
    const large = [...folders].filter(([, { length }]) => length > maxFilesInFolder)
    assert.deepEqual(
      large.map(([folder]) => folder),
      [],
    )
  })

  it('imports by relative path with its ending inside a package, and by name across packages', () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .filter(({ name, target }) =>
          name.startsWith('.')
            ? !/\.(ts|json)$/.test(name) || packageOf(target) !== packageOf(file)
            : name.startsWith('@plexd/') && !/^@plexd\/[a-z-]+(\/testing)?$/.test(name),
        )
        .map(({ name }) => `${file} imports ${name}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('imports from other packages only what its own declares, and in what it ships only what it needs there', () => {
    const wrong = sources
      .filter((file) => file.startsWith('packages/'))
      .flatMap((file) =>
        importsOf(file)
          .filter(({ name }) => !/^(\.|node:|\$\{)/.test(name) && !isDeclared(file, name))
          .map(({ name }) => `${file} imports ${name}`),
      )
    assert.deepEqual(wrong, [])
  })

  it('has no folder for what has no name, and no barrel below index.ts', () => {
    const nameless = files.filter((file) =>
      /(^|\/)(utils?|helpers?|common|misc)(\/|\.ts$)/.test(file),
    )
    const barrels = sources.filter(
      (file) => !/^packages\/[^/]+\/src\/index\.ts$/.test(file) && /^export \*/m.test(read(file)),
    )
    assert.deepEqual([...nameless, ...barrels], [])
  })

  it('queries the database, and changes the fleet in memory, in the files of rows alone', () => {
    const elsewhere = sources
      .filter((file) => /^packages\/control-plane\/src\//.test(file) && !file.endsWith('.test.ts'))
      .filter(
        (file) => !/\/src\/(rows\/|store\/(migrat|testing)|mesh\/(fleet\.ts|memory\/))/.test(file),
      )
      .filter((file) => query.test(read(file)))
    assert.deepEqual(elsewhere, [])
  })

  it('asks of no insert and no update how many rows it has changed: the writer of PostgreSQL does not wait for them', () => {
    const asking = sources.filter(
      (file) =>
        /^packages\/control-plane\/src\/(rows|store)\//.test(file) &&
        /\bnum(UpdatedRows|InsertedOrUpdatedRows|ChangedRows)\b/.test(read(file)),
    )
    assert.deepEqual(asking, [])
  })

  it('hands the whole app to those who put it together; everyone else names the groups of it that they use', () => {
    const wrong = sources
      .filter((file) => /^packages\/control-plane\/src\//.test(file) && isProduct(file))
      .filter((file) => !/\/src\/([^/]+|serving\/servers|jobs\/index)\.ts$/.test(file))
      .filter((file) => /\bApp\b/.test(read(file)))
    assert.deepEqual(wrong, [])
  })

  it('knows the time, and sleeps, by the clock alone', () => {
    const wrong = sources
      .filter((file) => /^packages\/(agent|control-plane|protocol)\//.test(file) && isProduct(file))
      .filter((file) => ownTime.test(read(file)) !== file in ownTimers)
    assert.deepEqual(wrong, [])
  })

  it('closes what a start has opened that then fails', () => {
    const wrong = sources
      .filter(isProduct)
      .filter((file) => /(?<!await using \w+ = )new AsyncDisposableStack\(\)/.test(read(file)))
    assert.deepEqual(wrong, [])
  })

  it('starts programs in one place, which knows what they are for and what to install', () => {
    const those =
      /^packages\/runtime\/src\/process\/(exec|follow-tool|start-program|program-end)\.ts$/
    const elsewhere = sources
      .filter((file) => isProduct(file) && !those.test(file))
      .filter((file) => /'node:child_process'|\bexecAny\b/.test(read(file)))
    const unused = Object.keys(tools).filter(
      (tool) => !sources.some((file) => isProduct(file) && usesTool(file, tool)),
    )
    assert.deepEqual([...elsewhere, ...unused], [])
  })

  it('gives each decision a number of its own', () => {
    const numbers = readdirSync(join(root, 'docs/decisions')).map((name) => name.slice(0, 4))
    assert.deepEqual(numbers, [...new Set(numbers)])
  })

  it('names no folder of the machine it was written on', () => {
    const wrong = files
      .filter((file) => !/package-lock\.json$|LICENSE/.test(file))
      .flatMap((file) =>
        (read(file).match(/(?<![\w.}$*-])\/(root|work|home\/\w+)\/.*/g) ?? []).map(
          (text) => `${file} has ${text}`,
        ),
      )
    assert.deepEqual(wrong, [])
  })
})

/** Kysely's, and the steps of `FleetChange`. */
const query =
  /\.(selectFrom|insertInto|updateTable|deleteFrom|replaceInto)\(|\btype: '(tenant|operator|node|policy)_(put|removed)'/

/** What a socket, or a signal of one request, does by itself is none; nor is another turn of the event loop. */
const ownTime =
  /(?<![.\w])(setTimeout|setInterval)\(|setTimeout as|\bDate\.now\b|\bperformance\.now\b|new Date\(\)/

/** Each ends one connection, look-up or wait that is late, and is taken back when it is not. None says what time it is. */
const ownTimers: Readonly<Record<string, string>> = {
  'packages/agent/src/local-api/fast-path.ts': 'a socket whose last answer nobody reads',
  'packages/agent/src/local-api/http-server.ts': 'a socket that sends what nobody wants',
  'packages/agent/src/local-api/server.ts': 'requests that outlast the server',
  'packages/agent/src/nat/stun/stun-servers.ts': 'a look-up that nobody answers',
  'packages/agent/src/wireguard/device/device-record.ts': 'a write that may wait for others',
  'packages/control-plane/src/admin-api/wire/operator-stream.ts':
    'keeps one stream alive, not the process',
  'packages/control-plane/src/doctor/ask.ts': 'a STUN server that does not answer',
  'packages/control-plane/src/http/bodies/bodies.ts': 'a body that comes too slowly',
  'packages/control-plane/src/http/turns/client-error.ts': 'a socket after its last answer',
  'packages/control-plane/src/http/connections/handshakes.ts': 'a connection that is silent',
  'packages/control-plane/src/http/connections/proxies/header-reader.ts':
    'a header that does not come',
  'packages/control-plane/src/http/drain.ts': 'a socket that sends what nobody wants',
  'packages/control-plane/src/http/turns/upgrades.ts': 'a socket after its last answer',
  'packages/control-plane/src/serving/servers.ts': 'requests that outlast the server',
  'packages/control-plane/src/sessions/relay/half.ts': 'a socket whose other end does not close',
  'packages/control-plane/src/stun/server.ts': 'looks at the addresses, and keeps no process alive',
}

/** What runs on the machines of others. */
function isProduct(file: string): boolean {
  return /^packages\/.*(?<!\.test\.ts|\/testing\/.+)$/.test(file)
}

/** In a command, or in the text of one for the shell. */
function usesTool(file: string, tool: string): boolean {
  return !file.endsWith('/tools.ts') && new RegExp(`['"\\s]${tool}['"\\s]`).test(read(file))
}

/** Paths in these packages, and everything that is not ours. */
function ours(...packages: string[]): RegExp {
  return new RegExp(`^(packages/(${packages.join('|')})/|(?!packages/))`)
}

interface Import {
  /** As it is written. */
  name: string
  target: string
  isType: boolean
}

function importsOf(file: string): Import[] {
  const pattern =
    /^\s*(?:import|export)\s(?<type>type\s)?(?:[^'";]*?\sfrom\s)?'(?<name>[^']+)'|\bimport\('(?<lazy>[^']+)'\)/gm
  return [...read(file).matchAll(pattern)].map(({ groups = {} }) => {
    const name = groups.name ?? groups.lazy ?? ''
    return { name, target: targetOf(file, name), isType: groups.type !== undefined }
  })
}

function targetOf(file: string, name: string): string {
  if (name.startsWith('.')) return join(dirname(file), name)
  return name.replace(/^@plexd\/(.+)$/, 'packages/$1/')
}

function isDeclared(file: string, name: string): boolean {
  const manifest = JSON.parse(read(`${packageOf(file)}/package.json`)) as {
    dependencies?: object
    devDependencies?: object
  }
  const declared = {
    ...manifest.dependencies,
    ...(isProduct(file) ? {} : manifest.devDependencies),
  }
  const [own = ''] = /^(@[^/]+\/)?[^/]+/.exec(name) ?? []
  return own in declared
}

/** What it imports of its own package, or beside the packages. */
function ownTargetsOf(file: string): string[] {
  return importsOf(file).flatMap(({ name, target }) => (name.startsWith('.') ? [target] : []))
}

/** What is left of a graph without those that lead nowhere or that nobody leads to, over and over: the circles, and what lies between two. */
function circlesIn(edges: Map<string, string[]>): string[] {
  for (let size = -1; size !== edges.size; ) {
    size = edges.size
    const imported = new Set([...edges.values()].flat())
    for (const [file, targets] of edges)
      if (!imported.has(file) || !targets.some((target) => edges.has(target))) edges.delete(file)
  }
  return [...edges.keys()]
}

/** Also what has no room. */
function importsUpwards(source: string, rooms: Rooms): string[] {
  const roomOf = (file: string): number => {
    const path = relative(source, file)
    return rooms.findIndex(
      ([room]) => room === path || room === dirname(path) || room === `${dirname(dirname(path))}/*`,
    )
  }
  return sources
    .filter((file) => file.startsWith(source) && isProduct(file))
    .flatMap((file) =>
      [file, ...ownTargetsOf(file)]
        .filter((target) => target.startsWith(source))
        .filter((target) => roomOf(target) === -1 || roomOf(target) > roomOf(file))
        .map((target) => `${file} imports ${target}`),
    )
}

function isAllowed(file: string, target: string, isType: boolean): boolean {
  return rules
    .filter((rule) => rule.files.test(file))
    .every(({ targets, types }) => targets.test(target) || (isType && types?.test(target)))
}

/** What is not in a package is one of its own. */
function packageOf(path: string): string {
  return /^packages\/[^/]+/.exec(path)?.[0] ?? ''
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** All files of ours, hidden folders other than that of the CI left out. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    // In a second work tree of git it is a file.
    if (entry.name === '.git') return []
    if (entry.isFile()) return [relative(root, path)]
    const isOurs =
      entry.isDirectory() &&
      entry.name !== 'node_modules' &&
      (!entry.name.startsWith('.') || entry.name === '.ci')
    return isOurs ? listFiles(path) : []
  })
}
