// Measurements, side by side in one run: npm run bench -- sync --records 20000 [--json]
import { requireNode24 } from '../node-version.js'

requireNode24()
await import('./main.ts')
