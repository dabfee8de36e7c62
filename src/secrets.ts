import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Secrets at rest: AES-256-GCM under a key that lives outside the database. */
export class Vault {
  readonly #key: Buffer

  constructor(key: Buffer) {
    if (key.length !== 32) throw new Error('the encryption key must be 32 bytes')
    this.#key = key
  }

  /** The key from CONCORDAT_KEY (base64) or a file made on first use, mode 600. */
  static open(key: string | undefined, file: string): Vault {
    if (key) return new Vault(Buffer.from(key, 'base64'))
    if (!existsSync(file)) {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 })
      chmodSync(file, 0o600)
    }
    return new Vault(Buffer.from(readFileSync(file, 'utf8').trim(), 'base64'))
  }

  seal(value: unknown): string {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv)
    const body = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64')
  }

  /** @throws when the text was sealed with another key or was altered. */
  open(sealed: string): unknown {
    const raw = Buffer.from(sealed, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', this.#key, raw.subarray(0, 12))
    decipher.setAuthTag(raw.subarray(12, 28))
    return JSON.parse(Buffer.concat([decipher.update(raw.subarray(28)), decipher.final()]).toString('utf8'))
  }
}
