// Dark or light: as the system has it, or as it was chosen here, which this browser remembers.

const KEY = 'pusud-theme'

/** Lets the control choose, and shows what was chosen before. */
export function startTheme(control) {
  control.value = remembered()
  apply(control.value)
  control.addEventListener('change', () => {
    apply(control.value)
    try {
      localStorage.setItem(KEY, control.value)
    } catch {
      // A browser that remembers nothing shows the theme all the same.
    }
  })
}

function remembered() {
  try {
    const theme = localStorage.getItem(KEY)
    return ['light', 'dark'].includes(theme) ? theme : 'system'
  } catch {
    return 'system'
  }
}

function apply(theme) {
  document.documentElement.dataset.theme = theme
}
