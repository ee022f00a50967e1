// The inspection of a view: no markup of others, nothing wider than the window, no finding of axe that is serious, nothing on
// the console; and pictures of it, to be looked at.

const WIDTHS = [1280, 360]
const THEMES = ['light', 'dark']

/** Inspects the view, which is called so in the names of pictures. */
export async function inspect({ page, watch, axe, pictures }, { name }) {
  const findings = []
  if (await page.locator('main img, main script, main iframe, .problems img').count() > 0) findings.push('markup of somebody else is in the page')
  for (const colorScheme of THEMES) {
    for (const width of WIDTHS) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: width === 360 ? 740 : 860 })
      // Two pictures later everything has its place.
      await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      findings.push(...(await page.evaluate(squeezed)).map(text => `${width} px: squeezed into a few characters: ${text}`))
      if (beyond > 0) findings.push(`${width} px: the page is ${beyond} px wider than the window`)
      await page.screenshot({ path: `${pictures}/${name}-${width}-${colorScheme}.png`, fullPage: true })
      findings.push(...await ofAxe(page, axe, `${width} px, ${colorScheme}`))
    }
  }
  await page.setViewportSize({ width: WIDTHS[0], height: 860 })
  await page.emulateMedia({ colorScheme: 'light' })
  watch.assertSilent()
  if (findings.length > 0) throw new Error(findings.join('\n'))
}

/** Texts in tables that stand in so little room that they break into pieces of a few characters. */
function squeezed() {
  const lines = element => {
    const range = document.createRange()
    range.selectNodeContents(element)
    return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size
  }
  const texts = [...document.querySelectorAll('main td .value, main td .more, main th')].filter(one => one.checkVisibility())
  return texts.filter(one => lines(one) > 2 && one.innerText.length / lines(one) < 8).map(one => one.innerText.slice(0, 80))
}

/** What axe finds, of all impacts: a console has no excuse for the small ones either. */
async function ofAxe(page, axe, where) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }))
  return violations.map(({ id, impact, help, nodes }) => `${where}: ${impact}: ${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
}
