// Values as text for people: numbers, sizes, durations, moments, and names that others chose.

const GROUP = '\u202f'
const NONE = '–'

/** All digits, in groups of three. */
export function exact(number) {
  if (!Number.isFinite(number)) return NONE
  const [whole, fraction] = String(Math.abs(number)).split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, GROUP)
  return (number < 0 ? '−' : '') + grouped + (fraction ? `.${fraction}` : '')
}

/** A count; from ten million on in millions, since nobody reads more digits than these. */
export function count(number) {
  if (!Number.isFinite(number)) return NONE
  for (const [unit, size] of [['T', 1e12], ['G', 1e9], ['M', 1e6]]) {
    if (Math.abs(number) >= size * 10 || (unit !== 'M' && Math.abs(number) >= size)) {
      return `${(number / size).toFixed(1)}${GROUP}${unit}`
    }
  }
  return exact(Math.round(number))
}

/** So many a second: small ones with a digit after the point. */
export function rate(number) {
  if (!Number.isFinite(number)) return NONE
  return number > 0 && number < 10 ? number.toFixed(1) : count(number)
}

/** A size in bytes. */
export function bytes(number) {
  if (!Number.isFinite(number)) return NONE
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let at = 0
  while (number >= 1024 && at < units.length - 1) {
    number /= 1024
    at += 1
  }
  return `${at === 0 || number >= 100 ? exact(Math.round(number)) : number.toFixed(1)}${GROUP}${units[at]}`
}

/** A duration in seconds, with its two largest units. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NONE
  if (seconds === 0) return `0${GROUP}s`
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)}${GROUP}µs`
  if (seconds < 1) return `${seconds < 0.01 ? (seconds * 1000).toFixed(1) : Math.round(seconds * 1000)}${GROUP}ms`
  if (seconds < 60) return `${seconds < 10 && !Number.isInteger(seconds) ? seconds.toFixed(1) : Math.floor(seconds)}${GROUP}s`
  const parts = []
  for (const [unit, size] of [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]) {
    const whole = Math.floor(seconds / size)
    seconds -= whole * size
    if (parts.length > 0 || whole > 0) parts.push(`${whole}${GROUP}${unit}`)
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

const two = number => String(number).padStart(2, '0')

/** The time of the day of milliseconds since 1970. */
export function clock(ms) {
  const at = new Date(ms)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** Day and time of milliseconds since 1970. */
export function moment(ms) {
  const at = new Date(ms)
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(ms)}`
}

/** A name that somebody else chose. Characters that show nothing, or turn what follows around, are escaped. */
export function name(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, character => `\\u{${character.codePointAt(0).toString(16)}}`)
}

const SHOWN_MAX = 80

/** The same in a list, where a long one would push all others away; `longName` gives the whole one then. */
export function shortName(text, charactersMax = SHOWN_MAX) {
  const characters = [...String(text)]
  return name(characters.length > charactersMax ? `${characters.slice(0, charactersMax).join('')}…` : text)
}

/** The whole of a name that `shortName` cuts; null where it does not. */
export function longName(text, charactersMax = SHOWN_MAX) {
  return [...String(text ?? '')].length > charactersMax ? name(text) : null
}

/** A name, with a dash where there is none. */
export function nameOrNone(text) {
  return text === null || text === undefined || text === '' ? NONE : name(text)
}

/** A short name, with a dash where there is none. */
export function shortNameOrNone(text) {
  return text === null || text === undefined || text === '' ? NONE : shortName(text)
}

/** `1 client`, `2 clients`. */
export function several(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`
}

/** A JSON value on one line, cut where it is long. */
export function json(value, charactersMax = 2000) {
  const text = name(typeof value === 'string' ? value : JSON.stringify(value))
  return text.length > charactersMax ? `${text.slice(0, charactersMax)} … (${exact(text.length)} characters)` : text
}
