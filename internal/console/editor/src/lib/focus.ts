/** focus gives an element the focus when it appears. */
export function focus(element: HTMLElement) {
  element.focus()
}
