// Looks at the page for the agent: one call reads a whole tab. It changes nothing but what is
// rendered while a picture is taken, which it puts back.
// `ask` is written by the agent from the selector map; every locator list is tried in order, the first that matches decides.
const ask = arguments[0];
const fold = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
// A label without its decoration: what two labels are compared by.
const bare = (text) => fold(text).replace(/^[\s*＊:：]+|(?:[\s*＊:：]|\((?:required|mandatory|optional)\))+$/gi, '');

function visible(element) {
  if (!element.getClientRects().length) return false;
  const style = getComputedStyle(element);
  return style.visibility !== 'hidden' && style.display !== 'none';
}

const IMPLIED = {
  button: 'button, input[type=button], input[type=submit], input[type=image], summary',
  link: 'a[href]', textbox: 'input:not([type]), input[type=text], input[type=search], input[type=email], textarea',
  checkbox: 'input[type=checkbox]', radio: 'input[type=radio]', combobox: 'select:not([multiple])', listbox: 'select[multiple]',
  heading: 'h1, h2, h3, h4, h5, h6', dialog: 'dialog', spinbutton: 'input[type=number]', tab: '[role=tab]',
};

// The document and every open shadow root in it, once for each look.
let trees;
const everywhere = (selector) => (trees ??= roots()).flatMap((root) => [...root.querySelectorAll(selector)]);

// The same, inside one element and its own shadow root.
function within(element, selector) {
  const all = [...roots(element), ...(element.shadowRoot ? roots(element.shadowRoot) : [])];
  return all.flatMap((root) => [...root.querySelectorAll(selector)]);
}

// What an element is inside of, out of every shadow root.
const above = (element) => element.parentElement ?? element.getRootNode().host ?? null;
function isInside(element, outer) {
  for (let at = element; at; at = above(at)) if (at === outer) return true;
  return false;
}

function referenced(element, attribute) {
  const ids = (element.getAttribute(attribute) ?? '').split(/\s+/).filter(Boolean);
  return ids.map((id) => element.getRootNode().getElementById?.(id)).filter(Boolean);
}

// The text of an element as a person reads it, in shadow roots too.
function words(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE && node.nodeType !== Node.DOCUMENT_FRAGMENT_NODE) return '';
  const plain = (one) => !one.shadowRoot && one.localName !== 'slot';
  if (plain(node) && within(node, '*').every(plain)) return node.textContent;
  if (/^(style|script|template)$/.test(node.localName)) return '';
  const assigned = node.localName === 'slot' ? node.assignedNodes({ flatten: true }) : [];
  return [...(assigned.length ? assigned : (node.shadowRoot ?? node).childNodes)].map(words).join(' ');
}

// A part of an element that holds text.
function part(element, take) {
  if (take === 'text') return fold(/^(INPUT|TEXTAREA)$/.test(element.tagName) ? element.value : words(element));
  if (take === 'address') return location.pathname + location.search + location.hash;
  return take.startsWith('@') ? fold(element.getAttribute(take.slice(1))) : String(element[take.slice(1)] ?? '');
}

// What an element tells, as the map says, or else as `usual` does.
function told(element, { take, pattern } = {}, usual) {
  const text = take ? part(element, take) : usual(element);
  const matched = pattern ? new RegExp(pattern, 'u').exec(text) : null;
  return matched ? matched[1] ?? matched[0] : text;
}

// What a label belongs to, also where the browser knows no control there: all of one id, since a person sees the label beside each.
function labelled(label) {
  const named = label.htmlFor ? [...label.getRootNode().querySelectorAll(`#${CSS.escape(label.htmlFor)}`)] : [];
  return named.length ? named : [label.control].filter(Boolean);
}

// The words of a label, without those of a control that it wraps.
function wordsOf(label) {
  if (label.querySelector('slot')) return words(label);
  const inner = label.querySelector('input, select, textarea, output, button');
  if (!inner) return label.textContent;
  const copy = label.cloneNode(true);
  for (const one of copy.querySelectorAll('input, select, textarea, output, button, option')) one.remove();
  return copy.textContent;
}

function labelOf(element) {
  const by = referenced(element, 'aria-labelledby');
  if (by.length) return { text: by.map((one) => one.textContent).join(' '), element: by[0] };
  if (element.hasAttribute('aria-label')) return { text: element.getAttribute('aria-label'), element: null };
  const legend = element.tagName === 'FIELDSET' ? element.querySelector('legend') : null;
  const own = () => element.id && element.getRootNode().querySelector?.(`label[for="${CSS.escape(element.id)}"]`);
  const label = legend ?? element.labels?.[0] ?? (own() || null);
  return { text: label ? wordsOf(label) : '', element: label };
}

function nameOf(element) {
  const label = fold(labelOf(element).text);
  if (label) return label;
  return fold(element.tagName === 'INPUT' ? element.value : element.textContent) || fold(element.title);
}

function byLabel(text) {
  const wanted = bare(text);
  const found = new Set();
  for (const label of everywhere('label')) {
    if (bare(wordsOf(label)) === wanted) labelled(label).forEach((one) => found.add(one));
  }
  for (const legend of everywhere('legend')) {
    if (bare(legend.textContent) === wanted) found.add(legend.closest('fieldset'));
  }
  for (const element of everywhere('[aria-label], [aria-labelledby]')) {
    if (bare(labelOf(element).text) === wanted) found.add(element);
  }
  for (const output of everywhere('output')) {
    if ([...output.labels].some((label) => bare(wordsOf(label)) === wanted)) found.add(output);
  }
  const named = [...found].filter(Boolean);
  // A list that a control opens carries the control's own label, and so does one inside the pop-up that it opens.
  const opens = (one) => [...referenced(one, 'aria-controls'), ...referenced(one, 'aria-owns')];
  const listed = (one) => one.matches('[role=listbox], [role=tree], [role=grid], [role=menu], [role=dialog]');
  const opened = (one, popup) => popup === one || (listed(one) && isInside(one, popup));
  return named.filter((one) => !named.some((other) => other !== one && opens(other).some((popup) => opened(one, popup))));
}

// What stands beside a heading: the definition of a term, the cell after the first one or after a heading in a row.
function byHeading(text) {
  const wanted = bare(text);
  const headings = everywhere('dt, th, td').filter((one) => bare(words(one)) === wanted);
  return headings.map((one) => {
    if (one.localName === 'td' && one.previousElementSibling) return null;
    const beside = one.nextElementSibling;
    return beside?.matches(one.localName === 'dt' ? 'dd' : 'td') ? beside : null;
  }).filter(Boolean);
}

function all(locator) {
  switch (locator.by) {
    case 'css': return everywhere(locator.value);
    case 'test-id': return everywhere(`[data-testid="${CSS.escape(locator.value)}"]`);
    case 'label': return byLabel(locator.value);
    case 'xpath': {
      const result = document.evaluate(locator.value, document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
      return Array.from({ length: result.snapshotLength }, (_, at) => result.snapshotItem(at));
    }
    case 'row': return byHeading(locator.value);
    case 'role': {
      const implied = IMPLIED[locator.role];
      const candidates = everywhere(`[role="${CSS.escape(locator.role)}"]${implied ? ', ' + implied : ''}`);
      return candidates.filter((one) => nameOf(one) === fold(locator.name));
    }
  }
  return [];
}

// A component and what is drawn inside it may both match: the component counts.
function outermost(matched) {
  const shadowed = (one) => {
    for (let host = one.getRootNode().host; host; host = host.getRootNode().host) if (matched.includes(host)) return true;
    return false;
  };
  return (trees ?? [document]).length > 1 ? matched.filter((one) => !shadowed(one)) : matched;
}

function find(locators) {
  for (const locator of locators?.ways ?? []) {
    const matched = outermost(all(locator));
    if (matched.length) return matched;
  }
  return [];
}

// Of several matches the visible ones count: templates and closed tabs keep hidden twins.
function findShown(locators) {
  return find(locators).filter(visible);
}

// Whether a click would be taken.
function usable(element) {
  const off = element.matches(':disabled') || element.disabled === true || element.getAttribute('aria-disabled') === 'true';
  return !off && !element.closest('[inert]');
}

const STAR = /^[*＊]|[*＊]\s*:?$|\((required|mandatory)\)\s*:?$/i;
const HOLDS = 'input:not([type=hidden]), select, textarea, [role=textbox], [role=combobox], [role=checkbox], [contenteditable=true]';

// The words right before a control that no label belongs to: a cell, a term, a text in front of it.
function captionOf(element, outer) {
  for (let at = element, high = 0; at && at !== outer && high < 4; at = at.parentElement, high += 1) {
    const before = at.previousElementSibling;
    if (!before) continue;
    if (before.matches(HOLDS) || before.querySelector(HOLDS)) return '';
    const text = fold(before.textContent);
    if (text) return text.length < 200 ? text : '';
  }
  return '';
}

const demanded = (element) => element.required === true || element.getAttribute('aria-required') === 'true';

// Whether the page tells a person that a control must be filled in: by attribute, or by a star at its label.
function mandatory(element, caption = '') {
  if (demanded(element)) return true;
  const { text, element: label } = labelOf(element);
  if (STAR.test(fold(text)) || STAR.test(caption)) return true;
  if (!label) return false;
  const star = (one) => /^[*＊]$/.test(fold(one?.textContent));
  const drawn = (pseudo) => /[*＊]/.test(getComputedStyle(label, pseudo).content);
  const beside = [label.previousSibling, label.nextSibling, label.previousElementSibling, label.nextElementSibling];
  return beside.some(star) || drawn('::before') || drawn('::after');
}
