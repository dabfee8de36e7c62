import { startSandbox } from './sandbox/sandbox.ts'
import { Database, rows } from './store/database.ts'
import { listConnections, putConnection } from './store/connections.ts'
import { connect } from './src/connect.ts'
import { Vault } from './src/secrets.ts'
import { DEFAULT_TIMING } from './sync/engine.ts'
import { drain } from './sync/drain.ts'
import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
const n = Number(process.argv[2]??100)
const s = await startSandbox({ limits: false, world:{accounts:n,contacts:Math.round(n*2.5),deals:n*7,partners:Math.max(4,Math.round(n/30)),seed:1}})
const truth = (s.world as any)
const url = process.argv[3]
const db = await Database.open(url?{url}:{})
const ws = randomUUID(); await db.ensureWorkspace(ws,'t')
const vault = new Vault(randomBytes(32))
const i = s.info
await db.transaction(ws, async tx=>{
 await putConnection(tx,{id:randomUUID(),name:'salesforce',kind:'salesforce',position:0,config:{instanceUrl:i.salesforce.instanceUrl},secrets:vault.seal({kind:'refresh',tokenUrl:i.salesforce.loginUrl+'/services/oauth2/token',clientId:i.salesforce.clientId,clientSecret:i.salesforce.clientSecret,refreshToken:i.salesforce.refreshToken}),sandbox:true,writesEnabled:true})
 await putConnection(tx,{id:randomUUID(),name:'hubspot',kind:'hubspot',position:1,config:{baseUrl:i.hubspot.baseUrl},secrets:vault.seal({kind:'token',accessToken:i.hubspot.accessToken}),sandbox:true,writesEnabled:true})
})
const conns = await db.transaction(ws, tx=>listConnections(tx))
console.time('connect')
const runtimes = await Promise.all(conns.map(c=>connect(db,ws,vault,c)))
console.timeEnd('connect')
const engine = {db,workspace:ws,runtimes,timing:DEFAULT_TIMING,nudge(){},log(l:string,m:string){console.log(l,m)}} as any
console.time('drain')
let last=''
const r = await drain(engine,{timeoutMs:120000,onTurn(st){const t=JSON.stringify(st); if(t!==last)console.log(t); last=t}})
console.timeEnd('drain')
console.log(JSON.stringify(r), JSON.stringify(s.world.counts()))
for (const q of ['select entity, count(*) from record where deleted_at is null group by 1','select entity, state, connection_id, count(*) from link group by 1,2,3 order by 1,2','select code, left(subject,100) s, count from finding limit 20','select entity, field, class, left(message,150) m, count(*) from dead_letter group by 1,2,3,4 limit 20','select field, why, count(*) from conflict group by 1,2','select reason,entity,count(*) from match group by 1,2','select kind,count(*) from change group by 1', "select kind,state,count(*) from write group by 1,2"]) console.table(await db.transaction(ws, tx=>rows(tx, sql.raw(q) as any)))
for (const rt of runtimes) console.log(rt.name, rt.budget.used)
await s.stop(); await db.close()
