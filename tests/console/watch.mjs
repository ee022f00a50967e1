// What a page must not say: errors and warnings on its console, exceptions, violations of its Content-Security-Policy.

// A browser says of each answer with such a status that it is an error. These are none: whoever opens the page is asked for a
// token this way, and a client whose page is open may go.
const EXPECTED = [[/status of 401 /, /\/api\/v1\/session$/], [/status of 404 /, /\/api\/v1\/client\?/]]

export class Watch {
  /** What was said so far. */
  said = []
  #isOff = false

  /** Watches a page from its first script on. */
  static async over(page) {
    const watch = new Watch()
    page.on('console', message => {
      const isExpected = EXPECTED.some(([text, url]) => text.test(message.text()) && url.test(message.location().url))
      if (['error', 'warning'].includes(message.type()) && !isExpected) watch.#note(`${message.type()}: ${message.text()}`)
    })
    page.on('pageerror', error => watch.#note(`exception: ${error.stack}`))
    page.on('dialog', dialog => {
      watch.#note(`a dialog of a script: ${dialog.message()}`)
      dialog.dismiss()
    })
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', event =>
        console.error(`CSP: ${event.violatedDirective} forbids ${event.blockedURI || 'something inline'} (${event.sourceFile}:${event.lineNumber})`))
    })
    return watch
  }

  /** Fails if anything was said. */
  assertSilent() {
    if (this.said.length > 0) throw new Error('the page is not silent')
  }

  /** From here on the relay may be gone, of which a browser complains. */
  allowFailures() {
    this.#isOff = true
  }

  #note(text) {
    if (!this.#isOff) this.said.push(text)
  }
}
