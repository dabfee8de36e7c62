import { startSandbox } from '../sandbox/sandbox.ts'
import type { CrmsMessage } from './rig.ts'

/** The two local CRMs in a process of their own, so that their work is not counted as ours. */
const world = JSON.parse(process.argv[2]!)
const sandbox = await startSandbox({ limits: false, world })
sandbox.world.org.calls.limit = 1e9
process.send!({ info: sandbox.info })
process.on('message', (message: CrmsMessage) => {
  if (message.settings) sandbox.world.configure(message.settings)
  if (message.counts) process.send!({ counts: sandbox.world.counts() })
  if (message.stop) void sandbox.stop().then(() => process.exit(0))
})
// The measurement ended, however it did: nobody needs the CRMs any more.
process.on('disconnect', () => process.exit())
