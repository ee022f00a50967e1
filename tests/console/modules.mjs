// Parts of the console that need no relay, with values that no relay gives on demand. It runs in the page.

/** A table with rows that are alike in their key, and the charts' figures when the clock is set back. */
export async function ofModules() {
  const from = name => import(new URL(name, location.href))
  const [{ Table }, { History }] = await Promise.all([from('table.js'), from('history.js')])
  const table = new Table({ caption: 'alike', key: () => 'the same', columns: [{ title: 'Name', text: row => row }] })
  const rows = []
  for (const shown of [['a', 'b', 'c'], ['a', 'b'], ['b', 'b', 'b']]) {
    table.show(shown)
    rows.push([...table.element.querySelectorAll('tbody tr')].map(row => row.innerText ?? row.textContent).join(' '))
  }
  const history = new History()
  const status = number => ({ since: 1, connections: { total: number }, messages: { published: number, delivered: number } })
  for (let second = 0; second < 60; second += 1) history.add(status(second), 1_000_000 + second * 1000)
  for (let second = 0; second < 2; second += 1) history.add(status(100 + second), 900_000 + second * 1000)
  const figures = history.series('connections')
  return { rows, figures: figures.length, known: figures.filter(value => value !== null), published: history.now('published') }
}
