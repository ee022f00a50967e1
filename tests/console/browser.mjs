// A browser that does what it is told, line by line: each line of standard input is an object with `verb` (verbs.mjs) and its
// arguments, and each is answered with a line, `{"said": …}` or `{"failed": "…"}`. The tests in tests/it/console tell it.
//
// It is started once for a whole test, since starting it is what takes longest.

import { createRequire } from 'node:module'
import readline from 'node:readline'
import { Holding } from './holding.mjs'
import { Watch } from './watch.mjs'
import { verbs } from './verbs.mjs'

// Where `npm ci` has put them: not in the source tree.
const require = createRequire(`${process.env.PUSU_CONSOLE_TOOLS}/`)
const { chromium } = require('playwright-core')
const axe = require('axe-core').source

// As root, which tests in containers are, Chromium has no sandbox.
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
const browser = await chromium.launch({ executablePath: process.env.PUSU_CHROMIUM, args })
const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 }, timezoneId: 'UTC' })
context.setDefaultTimeout(30_000)
const page = await context.newPage()
const watch = await Watch.over(page)
const stage = { page, watch, axe, holding: new Holding(page), pictures: process.env.PUSU_CONSOLE_PICTURES }

console.log(JSON.stringify({ said: 'ready' }))
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { verb, ...rest } = JSON.parse(line)
  console.log(JSON.stringify(await answer(verb, rest)))
}
await browser.close()

async function answer(verb, rest) {
  try {
    return { said: (await verbs[verb](stage, rest)) ?? null }
  } catch (error) {
    const shown = await page.locator('body').innerText({ timeout: 1000 }).catch(() => 'nothing')
    return { failed: `${verb} ${JSON.stringify(rest)}: ${error.message}\nThe page at ${page.url()} shows:\n${shown.slice(0, 3000)}\n … \n${shown.slice(3000).slice(-1500)}\nIt has said: ${watch.said.join('\n')}` }
  }
}
