/** What the tests of other packages share. */

export { type Block, type BlockReader, createBlockReader } from './block-reader.ts'
export { authority, otherAuthority, serverCertificate, serverKey } from './certificates.ts'
export { runModule } from './child.ts'
export { type DatagramReceiver, receiveDatagrams } from './datagram-receiver.ts'
export { type EventStream, openEventStream } from './event-stream.ts'
export { createFakeClock, type FakeClock } from './fake-clock.ts'
export { comparable, foldEvent } from './fold.ts'
export { journalSkip, openJournal, type TestJournal } from './journal.ts'
export { serve } from './serve.ts'
export { aSmallDisk, type SmallDisk } from './small-disk.ts'
export { unseal } from './unseal.ts'
export { until } from './until.ts'
