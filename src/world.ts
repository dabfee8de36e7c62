import type { WorldOptions } from '../sandbox/world/generate.ts'

/** The demo world: what `npm start` fills the two local CRMs with. */
export const DEMO_WORLD: WorldOptions = {
  accounts: 1_200,
  contacts: 3_000,
  deals: 8_800,
  partners: 40,
  seed: 20_261_123,
}
