// Runs the independent suite for HTTP caches (npm: http-cache-tests) through a cache and says what passed.
//
//     node scripts/lib/cache-tests.mjs <folder of the package> <name> <base URL> <file of reasons> [--why]
//
// A line of the file of reasons is `<name> <test> <why it is not passed>`. Where the file knows the cache by that
// name, a test that fails without a reason, or passes in spite of one, makes the run fail.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import path from 'node:path'

const [folder, name, base, reasonsFile, why] = process.argv.slice(2)
const load = (file, query = '') => import(pathToFileURL(path.resolve(folder, file)) + query)
// Progress of the suite's own goes nowhere: the table is what counts.
const say = console.log.bind(console)
console.log = () => {}

const { runTests, getResults } = await load('client/runner.mjs')
const { determineTestResult } = await load('lib/display.mjs')
const { default: suites } = await load('tests/index.mjs')
const { default: surrogate } = await load('tests/surrogate-control.mjs')
const fetch = createRequire(pathToFileURL(path.resolve(folder, 'cli.mjs')))('node-fetch')
suites.push(surrogate)

// What must be by itself to be seen: an answer to a POST is kept only if nothing else is written meanwhile
// (docs/http.md), and the suite runs a hundred tests at a time, many of which write.
const ALONE = new Set(['method-POST'])
const those = (wanted) =>
  suites.map((suite) => ({ ...suite, tests: suite.tests.filter(wanted) }))
await runTests(those(({ id }) => !ALONE.has(id)), fetch, false, base)
// The runner remembers what it ran; a second one shares the results, not the memory.
const { runTests: runAlone } = await load('client/runner.mjs', '?alone')
await runAlone(those(({ id }) => ALONE.has(id)), fetch, false, base)

const PASSED = new Set(['✅', 'Y'])
const results = getResults()
const counts = { required: [0, 0], optimal: [0, 0], check: [0, 0] }
const lost = new Map()
for (const suite of suites) {
  for (const test of suite.tests) {
    if (test.browser_only === true) continue
    const kind = test.kind ?? 'required'
    const symbol = determineTestResult(suites, test.id, results)[2]
    const passed = PASSED.has(symbol)
    counts[kind][passed ? 0 : 1] += 1
    if (!passed && kind !== 'check') {
      lost.set(test.id, `${kind}, ${suite.id}: ${symbol} ${[].concat(results[test.id])[1] ?? ''}`)
    }
  }
}

const reasons = new Map(
  readFileSync(reasonsFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${name} `))
    .map((line) => line.split(' ').slice(1))
    .map(([test, ...reason]) => [test, reason.join(' ')])
)
const ours = reasons.size > 0 || name.startsWith('larder')
let wrong = 0
const complain = (line) => {
  wrong += 1
  say(`  ${line}`)
}
const column = ([passed, failed]) => `${passed} of ${passed + failed}`
say(`${name.padEnd(14)} required ${column(counts.required).padEnd(12)} optimal ${column(counts.optimal)}`)
for (const [test, what] of lost) {
  if (ours && !reasons.has(test)) complain(`${test} (${what})`)
  else if (why) say(`  ${test} (${what}): ${reasons.get(test) ?? ''}`)
}
for (const test of ours ? reasons.keys() : []) {
  if (!lost.has(test)) complain(`${test} passes, but a reason is given why it does not`)
}
process.exit(wrong === 0 ? 0 : 1)
