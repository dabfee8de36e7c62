// Random histories against an oracle: npm run converge -- --seeds 500
import { requireNode24 } from '../../node-version.js'

requireNode24()
await import('./count.js')
await import('./main.ts')
