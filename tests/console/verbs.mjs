// What the browser can be told to do, and to look for. Whatever waits has a deadline, Playwright's.
//
// Texts are those that a reader sees; controls are found by their labels and names, as screen readers find them.

import { inspect } from './inspection.mjs'
import { ofModules } from './modules.mjs'

/** Text of the page with the narrow spaces in numbers as plain ones: tests write those. */
const plain = text => text.replaceAll('\u202f', ' ')

const heading = page => page.locator('main h1')

/** A field by its label; parts of the page have labels too. */
const control = (page, label) => page.locator('input, select, textarea').and(page.getByLabel(label))

/** Waits until a text of the page contains another one. */
async function contains(page, selector, text) {
  const found = ([selector, text]) => [...document.querySelectorAll(selector)].some(
    element => element.checkVisibility() && element.innerText.replaceAll('\u202f', ' ').includes(text))
  await page.waitForFunction(found, [selector, text], { polling: 200 })
}

export const verbs = {
  /** Opens the console, at this place of it. */
  async open({ page }, { url }) {
    await page.goto(url)
    await heading(page).waitFor()
  },

  /** Loads the page again. */
  async reload({ page }) {
    await page.reload()
    await heading(page).waitFor()
  },

  async sign_in({ page }, { token }) {
    await control(page, 'Token').fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
  },

  /** Goes to a view by the list of views. */
  async go({ page }, { view }) {
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: view, exact: true }).click()
    await page.getByRole('heading', { level: 1, name: view }).waitFor()
  },

  /** Waits for a text in the view. */
  async see({ page }, { text }) {
    await contains(page, 'main', text)
  },

  /** Waits for a text anywhere, as in the remark that the relay does not answer. */
  async see_anywhere({ page }, { text }) {
    await contains(page, 'body', text)
  },

  /** Waits until a text is nowhere any more. */
  async see_gone({ page }, { text }) {
    await page.waitForFunction(text => !document.body.innerText.includes(text), text, { polling: 200 })
  },

  /** Waits for the heading of the view. */
  async see_heading({ page }, { text }) {
    await contains(page, 'main h1', text)
  },

  /** Waits for a row of a table with both texts. */
  async see_row({ page }, { of, text }) {
    const found = ([of, text]) => [...document.querySelectorAll('main tbody tr, main .facts > div')].some(row => {
      const words = row.innerText.replaceAll('\u202f', ' ')
      return row.checkVisibility() && words.includes(of) && words.includes(text)
    })
    await page.waitForFunction(found, [of, text], { polling: 200 })
  },

  /** Waits for a problem whose line has this text, and says the line. */
  async see_problem({ page }, { text }) {
    await contains(page, '#problems li', text)
    return plain(await page.locator('#problems li').filter({ hasText: text }).first().innerText())
  },

  /** Follows a problem to where it is shown: one click. */
  async follow_problem({ page }, { text }) {
    await page.locator('#problems li').filter({ hasText: text }).getByRole('link').first().click()
  },

  /** Follows a link in the view. */
  async follow({ page }, { link }) {
    await page.locator('main').getByRole('link', { name: link }).first().click()
  },

  async press({ page }, { button }) {
    await page.locator('main, dialog, header').getByRole('button', { name: button, exact: true }).last().click()
  },

  /** Presses a button in the row of a table that has this text. */
  async press_in_row({ page }, { of, button }) {
    await page.locator('main tbody tr').filter({ hasText: of }).getByRole('button', { name: button }).first().click()
  },

  async fill({ page }, { label, value }) {
    await control(page, label).fill(value)
  },

  async choose({ page }, { label, value }) {
    await control(page, label).selectOption({ label: value })
  },

  async tick({ page }, { label }) {
    await control(page, label).check()
  },

  /** Whether nothing of the page reaches the relay. */
  async offline({ page }, { is }) {
    await page.context().setOffline(is)
  },

  /** Goes back to where one was before. */
  async back({ page }) {
    await page.goBack()
  },

  /** How many rows with this text there are. */
  async rows({ page }, { of }) {
    return page.locator('main tbody tr').filter({ hasText: of }).filter({ visible: true }).count()
  },

  /** Waits until the heading of this part has the focus, and is in the window. */
  async see_focused({ page }, { text }) {
    await page.waitForFunction(text => {
      const { activeElement: heading } = document
      const { top, bottom } = heading.getBoundingClientRect()
      return heading.innerText.includes(text) && top >= 0 && bottom <= innerHeight
    }, text, { polling: 200 })
  },

  /** What parts of the page that need no relay do with what a test has for them. */
  async of_modules({ page }) {
    return page.evaluate(ofModules)
  },

  /** Answers to the question whether the session holds are there, and do not come to the page. */
  async hold({ holding }) {
    await holding.begin()
  },

  /** Waits until one is held. */
  async see_held({ holding }) {
    await holding.wait()
  },

  /** Lets them come. */
  async let_go({ holding }) {
    await holding.end()
  },

  /** How often the stream of figures has been asked for since `let_go`. */
  streams({ holding }) {
    return holding.streams
  },

  /** The value of a field. */
  async value({ page }, { label }) {
    return control(page, label).inputValue()
  },

  /** Whether there is such a button. */
  async has_button({ page }, { button }) {
    return (await page.locator('main').getByRole('button', { name: button }).count()) > 0
  },

  /** Waits until a question is asked, and says it. */
  async question({ page }) {
    await page.getByRole('dialog').waitFor()
    return plain(await page.getByRole('dialog').innerText())
  },

  /** Waits until no question is asked any more. */
  async no_question({ page }) {
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  },

  /** Goes through the page with the key, and says what has the focus then. */
  async tab({ page }, { times = 1, key = 'Tab' }) {
    for (let time = 0; time < times; time += 1) await page.keyboard.press(key)
    return page.evaluate(() => document.activeElement.innerText || document.activeElement.getAttribute('aria-label') || document.activeElement.tagName)
  },

  /** What a text that was shown or typed must not have come into: the address, and what the browser keeps. */
  async kept({ page }) {
    return page.evaluate(() => JSON.stringify([location.href, document.cookie, { ...localStorage }, { ...sessionStorage }, document.title]))
  },

  /** How many messages the tail says have come, and how many rows it shows. */
  async tail({ page }) {
    const said = plain(await page.getByRole('status').filter({ hasText: 'so far' }).innerText())
    return { came: Number(said.split(' messages')[0].replaceAll(' ', '')), rows: await page.locator('.tail li').count() }
  },

  /** The figure of a chart, and what it says in words. */
  async chart({ page }, { title }) {
    const chart = page.locator('.chart').filter({ hasText: title })
    return { number: plain(await chart.locator('.chart-number').innerText()), words: plain(await chart.getByRole('img').getAttribute('aria-label')) }
  },

  /** The picture of the network in words. */
  async network_picture({ page }) {
    return page.locator('.relay-picture').getByRole('img').getAttribute('aria-label')
  },

  /** Looks at the view as it is: findings of axe, its width, and pictures, in both themes and at both widths. */
  inspect,

  /** A picture of the window, of this width and height, light, and no larger than it has to be. */
  async picture({ page }, { file, width, height }) {
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme: 'light' })
    await page.evaluate(() => scrollTo(0, 0))
    await page.screenshot({ path: file })
  },

  allow_failures({ watch }) {
    watch.allowFailures()
  },
}
