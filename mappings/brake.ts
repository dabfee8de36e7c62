import { z } from 'zod'

/** How much may be taken away at once without a person's word. */

const limitSchema = z
  .strictObject({
    share: z.number().min(0).max(1).optional().describe('Of the rows of the object, 0 to 1'),
    number: z.number().int().nonnegative().optional(),
  })
  .refine((l) => l.share !== undefined || l.number !== undefined, 'say a share or a number')
export type BrakeLimit = z.infer<typeof limitSchema>

const settingSchema = z.union([z.literal('off'), limitSchema])
export type BrakeSetting = z.infer<typeof settingSchema>

const USUAL: BrakeLimit = { share: 0.05, number: 50 }

/** Of an object: whichever of share and number is reached first. */
export const brakeSchema = z.strictObject({
  delete: settingSchema.default(USUAL).describe('Rows that would be deleted'),
  clear: settingSchema.default(USUAL).describe('Rows in which a field would be blanked'),
  overwrite: settingSchema.default('off').describe('Rows in which a value would be replaced by another one'),
  leave: settingSchema.default(USUAL).describe('Rows that seem to have left the filter, or are not shown any more'),
})

/** Of a single field, beside its object's. */
export const fieldBrakeSchema = z.strictObject({
  clear: limitSchema.optional(),
  overwrite: limitSchema.optional(),
})

/** Single deletes in a small object are everyday work. */
export const EVERYDAY = 3

/** How many pass without a word. @param total rows of the object */
export function limitOf(setting: BrakeSetting, total: number): number {
  if (setting === 'off') return Number.POSITIVE_INFINITY
  const share = setting.share === undefined ? Number.POSITIVE_INFINITY : Math.floor(total * setting.share)
  // Who names a number means it, however small.
  const least = setting.number !== undefined && setting.number < EVERYDAY ? setting.number : EVERYDAY
  return Math.max(least, Math.min(setting.number ?? Number.POSITIVE_INFINITY, share))
}
