// Many registrations at the same moment, in several server processes: npm run -s race -- --rounds 100
import { requireNode24 } from '../../node-version.js'

requireNode24()
await import('./main.ts')
