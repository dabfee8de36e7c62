#!/usr/bin/env node
// The entry point, in plain JavaScript: it must be able to speak on any Node.
import { requireNode24 } from './node-version.js'

requireNode24()
await import('./src/main.ts')
