/**
 * xterm.js writes style sheets and style attributes into the page, which the page's policy forbids as it forbids those of
 * an attacker (https://github.com/xtermjs/xterm.js/issues/4445). Here they are made with the CSSOM instead, which a policy
 * leaves alone. To be loaded before xterm.js is used.
 */
const createElement = document.createElement.bind(document);

document.createElement = (name: string, options?: ElementCreationOptions) =>
  name === 'style' ? styleElement() : createElement(name, options);

/** Stands in for a style element: its text becomes a constructed style sheet. */
function styleElement(): HTMLElement {
  const element = createElement('template');
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  const remove = element.remove.bind(element);
  return Object.defineProperties(element, {
    textContent: {
      set(text: string) {
        sheet.replaceSync(text);
      },
    },
    remove: {
      value: () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
        remove();
      },
    },
  });
}

/** The DOM renderer colours its cells so. */
HTMLSpanElement.prototype.setAttribute = function (name, value) {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
};
