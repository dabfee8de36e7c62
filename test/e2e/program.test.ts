import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Program, until } from '../support/program.ts'

/** The real command, as a user runs it. */

let program: Program
beforeEach(async () => {
  program = await Program.make()
})
afterEach(() => program.stop())

const NOBODY = '00000000-0000-4000-8000-000000000000'
const PORT = () => String(20_000 + Math.floor(Math.random() * 30_000))
const SMALL = ['sandbox', 'generate', '--accounts', '60', '--deals', '200', '--partners', '4', '--seed', '3', '--home']

describe('start --once --json', () => {
  test('prints exactly one JSON document, links what the truth says, and ends with 0; a second one writes nothing', async () => {
    expect((await program.run([...SMALL, program.home])).code).toBe(0)
    const first = await program.run(['start', '--once', '--json'])
    expect(first.stderr).toContain('Verifying')
    const summary = JSON.parse(first.stdout)
    expect(first.code).toBe(0)
    expect(summary).toMatchObject({ ok: true, verify: { unexplained: 0 }, deadLetters: 0 })
    expect(Object.keys(summary)).toEqual(
      expect.arrayContaining(['ok', 'seconds', 'records', 'written', 'conflicts', 'deadLetters', 'calls', 'verify']),
    )
    expect(summary.records.account.canonical).toBeGreaterThan(60)
    const again = JSON.parse((await program.run(['start', '--once', '--json'])).stdout)
    expect(again.records).toEqual(summary.records)
    const nothing = { created: 0, updated: 0, cleared: 0, deleted: 0 }
    expect(again.written).toEqual({ salesforce: nothing, hubspot: nothing })
  }, 120_000)

  test('reads CSV exports, keeps what can be kept, and says what could not', async () => {
    const folder = join(program.home, 'exports')
    mkdirSync(join(folder, 'salesforce'), { recursive: true })
    mkdirSync(join(folder, 'hubspot'), { recursive: true })
    writeFileSync(
      join(folder, 'salesforce', 'Account.csv'),
      'Name,Website,Annual Revenue,Region\nAlder Foods,alder.example.com,1200,North\nBirch Bank,birch.example.com,not a number,South\n',
    )
    writeFileSync(join(folder, 'salesforce', 'Nonsense.csv'), 'a,b\n1,2\n')
    writeFileSync(
      join(folder, 'hubspot', 'companies.csv'),
      'Record ID,Company name,Domain,name\n77,Alder Foods,alder.example.com,Alder Foods\n',
    )
    const { stdout, stderr, code } = await program.run(['start', '--once', '--json', '--import', folder])
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      records: { account: { canonical: 2, linked: 2 } },
      written: { hubspot: { created: 1 } },
    })
    expect(stderr).toMatch(/Account\.csv line 3.*AnnualRevenue left blank/)
    expect(stderr).toMatch(/no object Nonsense/)
    expect(code).toBe(0)
  }, 60_000)
})

describe('the data folder', () => {
  test('has one owner: a second start stops with one line naming it; commands talk to the running server', async () => {
    await program.run([...SMALL, program.home])
    const port = PORT()
    const server = program.spawn(['start'], { PORT: port, LOG_LEVEL: 'error' })
    await until('the server is up', () => server.output().stderr.includes('Keeping both CRMs'), 90_000)
    const second = await program.run(['start'], { PORT: port })
    expect(second.code).toBe(1)
    expect(second.stderr.trim().split('\n')).toHaveLength(1)
    expect(second.stderr).toContain(`process ${server.pid}`)
    expect(statSync(join(program.home, 'token')).mode & 0o777).toBe(0o600)

    const exported = join(program.home, '..', `${basename(program.home)}-mappings`)
    const broken = `${exported}.yaml`
    writeFileSync(broken, 'crm: hubspot\nentity: deal\nobject: deals\nfields: { name: dealname, shoeSize: shoe_size }\n')
    const everything = async () => {
      const { records, conflicts, deadLetters } = JSON.parse((await program.run(['status', '--json'])).stdout)
      return { records, conflicts, deadLetters }
    }
    const expected: [string[], number][] = [
      [['status', '--json'], 0],
      [['verify', '--json'], 0],
      [['records', '--json', '--limit', '3'], 0],
      [['conflicts', '--json'], 0],
      [['dead-letters', '--json'], 0],
      [['runs', '--json'], 0],
      [['connection', 'list', '--json'], 0],
      [['mapping', 'schema'], 0],
      [['mapping', 'show', 'hubspot', 'deal', '--json'], 0],
      [['mapping', 'check', 'mappings/defaults/salesforce/deal.yaml', '--json'], 0],
      [['sandbox', 'info', '--json'], 0],
      [['pause', 'hubspot', '--json'], 0],
      [['resume', 'hubspot', '--json'], 0],
      [['pause', 'nothing-known'], 1],
      [['dead-letters', 'retry', '00000000-0000-4000-8000-000000000000'], 1],
      [['records', '--id', 'no-id'], 1],
      [['mapping', 'check', 'no-such-file.yaml'], 1],
      [['mapping', 'export', exported, '--json'], 0],
      [['mapping', 'import', exported, '--yes', '--json'], 0],
      [['mapping', 'draft', join(exported, 'hubspot.deal.yaml'), '--json'], 0],
      [['mapping', 'discard', 'hubspot', 'deal', '3', '--json'], 0],
      [['mapping', 'discard', 'hubspot', 'deal', '3'], 1],
      [['mapping', 'publish', 'hubspot', 'deal', 'x', '--yes'], 1],
      [['mapping', 'publish', broken, '--yes'], 1],
      [['mapping', 'import', program.home, '--yes'], 1],
      [['undo', NOBODY, '--yes'], 1],
      [['undo', '--record', NOBODY, '--yes'], 1],
      [['undo', 'show', NOBODY], 1],
      [['conflicts', 'show', NOBODY], 1],
      [['conflicts', 'resolve', NOBODY, '--keep', 'record'], 1],
      [['plan', '--record', NOBODY], 1],
      [['records', '--id', NOBODY], 1],
      [['connection', 'watch', 'nothing-known', 'off'], 1],
    ]
    const before = await everything()
    for (const [args, code] of expected) {
      const done = await program.run(args)
      expect(done.code, `${args.join(' ')}: ${done.stderr}`).toBe(code)
      if (code === 0) expect(() => JSON.parse(done.stdout), args.join(' ')).not.toThrow()
      else expect(done.stderr.trim().split('\n')).toHaveLength(1)
    }
    // What was refused has changed nothing, and mappings that say the same have nothing to do.
    expect(await everything()).toEqual(before)

    const token = readFileSync(join(program.home, 'token'), 'utf8')
    const api = (path: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers },
      })
    expect((await fetch(`http://127.0.0.1:${port}/api/v1/records`)).status).toBe(401)
    expect(await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()).toMatchObject({ ok: true, firstSync: 'done' })
    expect(await (await api('/metrics')).text()).toContain('concordat_records')
    expect(
      ((await (await fetch(`http://127.0.0.1:${port}/api/v1/openapi.json`)).json()) as { paths: object }).paths,
    ).toHaveProperty('/api/v1/records/{id}')

    // An edit through the API reaches both CRMs; a stale one is refused with the present values.
    const { items } = (await (await api('/api/v1/records?entity=account&limit=1')).json()) as {
      items: { id: string; version: number }[]
    }
    const { id, version } = items[0]!
    const edited = await api(`/api/v1/records/${id}`, {
      method: 'PATCH',
      headers: { 'if-match': String(version) },
      body: JSON.stringify({ fields: { phone: '+14155550142' } }),
    })
    expect(edited.status).toBe(200)
    const stale = await api(`/api/v1/records/${id}`, {
      method: 'PATCH',
      headers: { 'if-match': String(version) },
      body: JSON.stringify({ fields: { phone: '+14155550143' } }),
    })
    expect(stale.status).toBe(412)
    expect(await stale.json()).toMatchObject({ error: { detail: { fields: { phone: '+14155550142' } } } })
    expect((await api(`/api/v1/records/${id}`, { method: 'PATCH', body: JSON.stringify({ fields: { nope: 1 } }) })).status).toBe(
      400,
    )
    await until(
      'both CRMs hold the edit',
      async () => {
        const record = (await (await api(`/api/v1/records/${id}`)).json()) as { links: { agreement: Record<string, string> }[] }
        return record.links.length === 2 && record.links.every((l) => l.agreement.phone === 'agrees')
      },
      30_000,
    )

    // A POST with an idempotency key is done once.
    const key = { 'idempotency-key': 'k1' }
    const body = JSON.stringify({ entity: 'account', fields: { name: 'Made by the API', domain: 'api.example.com' } })
    const [one, two] = [
      await api('/api/v1/records', { method: 'POST', headers: key, body }),
      await api('/api/v1/records', { method: 'POST', headers: key, body }),
    ]
    expect(((await one.json()) as { id: string }).id).toBe(((await two.json()) as { id: string }).id)
    expect((await api('/api/v1/records', { method: 'POST', headers: key, body: '{}' })).status).toBe(422)

    server.kill('SIGTERM')
    await until('the server has stopped', () => server.exitCode !== null)
    expect(server.exitCode).toBe(0)
    expect(existsSync(join(program.home, 'owner.json'))).toBe(false)
  }, 180_000)
})

describe('a wrong setting', () => {
  test.each([
    ['PORT', 'abc', /PORT="abc" is no port number; for example PORT=8080/],
    ['DATABASE_URL', 'foo', /DATABASE_URL="foo" is no postgres.*for example DATABASE_URL=postgres:/],
    ['CONCORDAT_TOKEN', 'short', /CONCORDAT_TOKEN is shorter than 16 characters/],
    ['SALESFORCE_CLIENT_ID', 'x', /SALESFORCE_INSTANCE_URL is missing/],
  ])('%s=%s stops the start with one line', async (name, value, message) => {
    const { code, stderr } = await program.run(['start', '--once'], { [name]: value })
    expect(code).toBe(1)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toMatch(message)
  })
})
