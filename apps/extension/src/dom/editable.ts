/** Whether an element is in an editor, by the attribute: for `isContentEditable` the browser would compute the page's styles. */
export function isEditable(element: Element): boolean {
  const host = element.closest('[contenteditable]')
  return host !== null && host.getAttribute('contenteditable') !== 'false'
}
