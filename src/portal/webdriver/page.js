// Looks at the page for the agent: one call reads a whole tab. It changes nothing but what is
// rendered while a picture is taken, which it puts back.
// `ask` is written by the agent from the selector map; every locator list is tried in order, the first that matches decides.
const ask = arguments[0];
const fold = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
const bare = (text) => fold(text).replace(/[\s*:]+$/, '');

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

// The same, inside one element.
const within = (element, selector) => roots(element).flatMap((root) => [...root.querySelectorAll(selector)]);

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
  if (!within(node, '*').some((one) => one.shadowRoot) && !node.shadowRoot) return node.textContent;
  if (/^(style|script|template)$/.test(node.localName)) return '';
  const assigned = node.localName === 'slot' ? node.assignedNodes({ flatten: true }) : [];
  return [...(assigned.length ? assigned : (node.shadowRoot ?? node).childNodes)].map(words).join(' ');
}

// What a label belongs to, also where the browser knows no control there.
const labelled = (label) => label.control ?? (label.htmlFor ? label.getRootNode().getElementById?.(label.htmlFor) : null) ?? null;

// The words of a label, without those of a control that it wraps.
function wordsOf(label) {
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
    if (bare(wordsOf(label)) === wanted) found.add(labelled(label));
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
  return [...found].filter(Boolean);
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
  for (const locator of locators ?? []) {
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

// Whether the page tells a person that a control must be filled in: by attribute, or by a star at its label.
function mandatory(element, caption = '') {
  if (element.required === true || element.getAttribute('aria-required') === 'true') return true;
  const { text, element: label } = labelOf(element);
  if (STAR.test(fold(text)) || STAR.test(caption)) return true;
  if (!label) return false;
  const star = (one) => /^[*＊]$/.test(fold(one?.textContent));
  const drawn = (pseudo) => /[*＊]/.test(getComputedStyle(label, pseudo).content);
  const beside = [label.previousSibling, label.nextSibling, label.previousElementSibling, label.nextElementSibling];
  return beside.some(star) || drawn('::before') || drawn('::after');
}

function controls(field) {
  if (field.widget === 'file') return find(field.locate);
  const matched = findShown(field.locate);
  const radios = matched.length > 1 && matched.every((one) => one.type === 'radio');
  return radios ? [matched[0].closest('fieldset, [role=radiogroup]') ?? matched[0].form ?? document.body] : matched;
}

const radiosOf = (group) => [...group.querySelectorAll('input[type=radio]')];
const optionsOf = (select) => [...select.options].filter((option) => option.value !== '' || fold(option.text) === '');

function complaintOf(element) {
  const invalid = element.getAttribute('aria-invalid') === 'true';
  const touched = element.value !== undefined && element.value !== '' && element.validity && !element.validity.valid;
  const near = [...referenced(element, 'aria-errormessage'), ...referenced(element, 'aria-describedby')];
  const told = fold(near.filter(visible).map((one) => one.textContent).join(' '));
  if (invalid) return told || 'marked as invalid';
  return touched ? told || element.validationMessage || 'not accepted by the browser' : null;
}

// The visible parts by one name of a control that is worked as a kind says.
function kindParts(field, control, name) {
  if (name === 'self') return [(field.kind.root && control.closest(field.kind.root)) || control];
  const { css, from } = field.kind.parts[name];
  const found = from === 'page' ? everywhere(css) : kindParts(field, control, from).flatMap((one) => within(one, css));
  return found.filter(visible);
}

// What a part holds.
function taken(field, name, element) {
  const own = 'value' in element ? '.value' : 'text';
  const take = name === 'self' ? own : field.kind.parts[name].take;
  if (take.startsWith('@')) return fold(element.getAttribute(take.slice(1)));
  if (take.startsWith('.')) return String(element[take.slice(1)] ?? '');
  return fold(words(element));
}

function read(field) {
  const matched = controls(field);
  if (matched.length !== 1) return { count: matched.length };
  const element = matched[0];
  const out = {
    count: 1, element, handle: labelOf(element).element,
    label: bare(labelOf(element).text),
    // Whether a file is there, its list says: a star at its control tells nothing new.
    required: field.widget === 'file' ? Boolean(element.required) : mandatory(element),
    editable: !element.disabled && !element.readOnly && element.getAttribute('aria-disabled') !== 'true',
    complaint: complaintOf(element),
    options: [], targets: [],
  };
  if (field.kind) {
    const held = kindParts(field, element, field.kind.read).map((one) => taken(field, field.kind.read, one)).filter(Boolean);
    if (field.widget === 'multi-select') out.choices = held;
    else if (field.widget === 'checkbox') out.checked = held.length > 0;
    else out.text = held.join('\n');
    return out;
  }
  switch (field.widget) {
    case 'select': case 'multi-select': {
      const offered = optionsOf(element);
      out.options = offered.map((option) => fold(option.text));
      out.targets = offered.filter((option) => !option.selected && field.wanted.includes(fold(option.text)));
      const chosen = [...element.selectedOptions].filter((option) => offered.includes(option)).map((option) => fold(option.text));
      if (field.widget === 'select') out.text = chosen[0] ?? ''; else out.choices = chosen;
      break;
    }
    case 'radio': {
      const radios = radiosOf(element);
      const textOf = (radio) => bare(labelOf(radio).text);
      out.options = radios.map(textOf);
      out.targets = radios.filter((radio) => field.wanted.includes(textOf(radio)));
      if (out.targets.length === 1) out.handle = labelOf(out.targets[0]).element;
      const chosen = radios.find((radio) => radio.checked);
      out.text = chosen ? textOf(chosen) : '';
      out.required ||= radios.some((radio) => radio.required);
      out.editable = radios.some((radio) => !radio.disabled);
      break;
    }
    case 'checkbox': out.checked = element.checked ?? element.getAttribute('aria-checked') === 'true'; break;
    case 'file': out.text = ''; break;
    case 'read-only': {
      const items = [...element.querySelectorAll('li')].map((one) => fold(one.textContent));
      const text = fold(/^(INPUT|TEXTAREA|SELECT|OUTPUT)$/.test(element.tagName) ? element.value : words(element));
      if (field.list) out.choices = items.length ? items : text.split(/,\s*/).filter(Boolean); else out.text = text;
      break;
    }
    default: out.text = element.value ?? element.textContent;
  }
  return out;
}

function cell(row, selector) {
  const one = selector ? row.querySelector(selector) : null;
  return one ? fold(one.getAttribute('datetime') ?? one.textContent) : null;
}

function rows(table) {
  return find(table.rows).map((row) => Object.fromEntries(Object.entries(table.cells).map(([name, css]) => [name, cell(row, css)])));
}

function strange(panel, fields) {
  const known = fields.flatMap(controls);
  const isKnown = (one) => known.some((control) => isInside(one, control));
  const found = within(panel, HOLDS).filter((one) => visible(one) && !isKnown(one));
  return found.flatMap((one) => {
    const group = /^(radio|checkbox)$/.test(one.type) ? one.closest('fieldset, [role=radiogroup], [role=group]') : null;
    const caption = labelOf(one).text ? '' : captionOf(one, panel);
    if (!mandatory(one, caption) && !(group && mandatory(group))) return [];
    return [bare(labelOf(one).text) || bare(caption) || one.getAttribute('name') || one.tagName.toLowerCase()];
  });
}

function banners() {
  const found = new Set([...find(ask.page.banners), ...everywhere('[role=alert], [role=alertdialog]')]);
  const shown = [...found].filter((one) => visible(one) && fold(words(one)));
  return shown.filter((one) => !shown.some((other) => other !== one && isInside(one, other))).map((one) => fold(words(one)));
}

// All that a person may see of an element as text.
function seen(element) {
  if (/^(INPUT|TEXTAREA)$/.test(element.tagName)) return element.value;
  const single = element.tagName === 'SELECT' && !element.multiple && element.size < 2;
  const texts = single ? [] : [element.textContent];
  const options = single ? element.selectedOptions : element.querySelectorAll('option, optgroup');
  for (const one of options) texts.push(one.text ?? '', one.label);
  for (const one of element.querySelectorAll('input, textarea')) texts.push(one.value);
  return texts.join(' ');
}

// Whether a control holds nothing.
function isEmpty(element) {
  if (element.type === 'file' && element.files) return element.files.length === 0;
  if (/^(INPUT|TEXTAREA)$/.test(element.tagName)) return element.value === '';
  if (element.tagName === 'SELECT') return ![...element.selectedOptions].some((option) => fold(option.text));
  return fold(element.textContent) === '';
}

// A field as it is shown: radios that nothing but the form holds together are no more than themselves and their labels.
function parts(field) {
  const own = controls(field);
  if (field.widget !== 'radio' || !own.some((one) => /^(FORM|BODY|HTML)$/.test(one.tagName))) return own;
  return findShown(field.locate).flatMap((radio) => [radio, labelOf(radio).element]).filter(Boolean);
}

// Longest text of one element that may be shown, and of all of them, in units: what is longer is hidden.
const LEGIBLE = 20000;
const LEGIBLE_IN_ALL = 1000000;

// Whether the browser renders of an element nothing but what `seen` tells: no generated content, and none in its place.
function plain(element) {
  const all = [element, ...element.querySelectorAll('*')];
  const generated = (one, pseudo) => {
    const style = getComputedStyle(one, pseudo);
    return style.content !== 'none' && style.content !== 'normal' && style.visibility !== 'hidden';
  };
  return all.length <= MOST && all.every((one) => getComputedStyle(one).content === 'normal' && !['::before', '::after'].some((pseudo) => generated(one, pseudo)));
}

// What may be shown and what may not. `words` are the map's wording, in which no control is shown unless it may be itself.
function subjects() {
  const found = [];
  const add = (element, show, field, label) => found.push({ element, show, field, label, words: field === null });
  ask.show.fields.forEach((field, at) => {
    if (field.panel && findShown(field.panel).length !== 1) return;
    // What a file control shows is the browser's; what the portal lists stands for it.
    const listed = field.list ? find(field.list).filter(visible) : [];
    const own = parts(field).filter(visible);
    const label = own.length ? labelOf(own[0]).element : null;
    if (!listed.length) for (const element of own) add(element, field.show && field.widget !== 'file', at, label);
    for (const row of listed) add(row, field.show, at, label);
  });
  if (ask.show.wording) for (const element of find(ask.page.wording)) if (visible(element)) add(element, true, null, null);
  return found;
}

// On the page, not in the window.
const boxOf = (element) => {
  const box = element.getBoundingClientRect();
  return [box.left + scrollX, box.top + scrollY, box.right + scrollX, box.bottom + scrollY];
};

// A selector for one element of the document, which marks it without a trace that the page could see.
function pathOf(element) {
  const parts = [];
  for (let at = element; at !== document.documentElement; at = at.parentNode) {
    if (!at?.parentNode?.children) return null;
    parts.unshift(`:nth-child(${[...at.parentNode.children].indexOf(at) + 1})`);
  }
  return [':root', ...parts].join('>');
}

function roots(root = document, found = []) {
  found.push(root);
  for (const element of root.querySelectorAll('*')) if (element.shadowRoot) roots(element.shadowRoot, found);
  return found;
}

// Outweighs the page's own rules, by as many ids as nobody writes.
const heavy = (weight) => `:not(${'#q'.repeat(20 + weight)})`;
const PAINTED = ['background-image', 'border-image', 'box-shadow', 'text-shadow', 'filter', 'backdrop-filter', 'outline', 'list-style-image', 'transition'];
const HIDDEN = `{ visibility: hidden !important; ${PAINTED.map((name) => `${name}: none !important`).join('; ')} }`;
const PSEUDO = ['before', 'after', 'marker', 'placeholder', 'backdrop', 'file-selector-button', 'selection', 'details-content', 'checkmark', 'picker-icon'];
const NOTHING = [
  `*${heavy(0)} ${HIDDEN}`,
  ...PSEUDO.map((name) => `*${heavy(9)}::${name} ${HIDDEN}`),
  // Of these, `visibility` is not for every browser to decide.
  `*${heavy(9)}::marker { content: "" !important; color: transparent !important }`,
  `*${heavy(9)}::placeholder { color: transparent !important; -webkit-text-fill-color: transparent !important; opacity: 0 !important }`,
  `:root${heavy(1)}::view-transition { display: none !important }`,
  `:root${heavy(1)}, body${heavy(1)} { background: #fff none !important; color-scheme: light !important }`,
].join('\n');
const PICTURES = ':is(img, svg, canvas, video, iframe, frame, object, embed, meter, progress, marquee)';
const CONTROLS = ':is(input, select, textarea, output, button, [contenteditable])';

// What is permitted is rendered beside nothing else.
function permitting(cover) {
  const rules = [NOTHING];
  for (const { path, words, show, dark } of cover.subjects) {
    if (!path) continue;
    const rule = (selector, weight, body) => rules.push(`${selector}${heavy(weight)} ${body}`);
    if (!show) {
      rule(path, 6, HIDDEN);
      rule(`${path} *`, 6, HIDDEN);
      continue;
    }
    const weight = words ? 1 : 4;
    // The ground that words stood on is gone: they are written in our own colours.
    const inked = words ? '; color: #1b2330 !important; -webkit-text-fill-color: currentcolor !important; background-color: #fff !important' : '';
    rule(path, weight, `{ visibility: visible !important; clip-path: inset(0) !important${inked} }`);
    rule(`${path} *`, weight, `{ visibility: inherit !important${inked} }`);
    rule(`${path} ${PICTURES}`, 5, HIDDEN);
    if (words) rule(`${path} ${CONTROLS}`, 3, HIDDEN);
    for (const inner of dark) rule(inner, 5, HIDDEN);
  }
  return rules.join('\n');
}

// Most elements that a picture tells of, and most elements inside one of them.
const MOST = 2000;

// What of an element may have a shadow root: whether it has one is for the browser to say, since a page may close it to scripts.
const HOSTS = 'article, aside, blockquote, body, div, footer, h1, h2, h3, h4, h5, h6, header, main, nav, p, section, span';
function hosts(element) {
  const may = (one) => one.localName.includes('-') || one.matches(HOSTS);
  return [element, ...element.querySelectorAll('*')].filter(may);
}

function rectangles() {
  const root = document.documentElement;
  const page = [Math.max(root.scrollWidth, root.clientWidth), Math.max(root.scrollHeight, root.clientHeight)];
  const inside = ([left, top, right, bottom]) => right - left >= 1 && bottom - top >= 1 && right > 0 && bottom > 0 && left < page[0] && top < page[1];
  const numbered = (globalThis.portalAgentCover?.subjects ?? subjects()).map((one, at) => ({ ...one, at }));
  const all = numbered.filter(({ element }) => inside(boxOf(element)));
  let room = LEGIBLE_IN_ALL;
  let most = MOST;
  const items = all.slice(0, MOST).map(({ element, show, field, label, at }) => {
    const text = show ? fold(seen(element)) : '';
    room -= text.length;
    const within = show ? hosts(element) : [];
    most -= within.length;
    return {
      at, box: boxOf(element), field, show,
      hosts: most >= 0 ? within : null,
      label: label && visible(label) ? boxOf(label) : null,
      empty: isEmpty(element),
      // It grew since it was looked at: that is no answer, and the agent tries again.
      text: text.length <= LEGIBLE && room >= 0 ? text : null,
    };
  });
  return { page, window: [innerWidth, innerHeight], scroll: [scrollX, scrollY], scale: devicePixelRatio, items };
}

const hides = (element) => getComputedStyle(element).visibility === 'hidden';

// Where the page's own inline style outweighs every sheet, it is outweighed inline, for the moment.
function overrule(cover, root, may) {
  for (const element of root.querySelectorAll('*')) {
    if (may(element) || hides(element) || !element.style) continue;
    cover.inline.push([element, element.getAttribute('style')]);
    element.style.setProperty('visibility', 'hidden', 'important');
  }
}

// Makes everything invisible; then what is permitted visible; then puts everything back. Tells whether the rule held.
function cover() {
  const { step, token, dark } = ask.cover;
  if (step === 'hide') {
    // One whose answer was lost still covers the page.
    if (globalThis.portalAgentCover) undo(globalThis.portalAgentCover);
    let room = LEGIBLE_IN_ALL;
    const legible = (element) => {
      const length = fold(seen(element)).length;
      room -= length;
      return length <= LEGIBLE && room >= 0;
    };
    const inner = (element) => [...element.querySelectorAll('*')].filter(hides).map(pathOf).filter(Boolean);
    const found = subjects().slice(0, MOST).map((one) => {
      // What is in a shadow root cannot be permitted from outside it.
      const path = pathOf(one.element);
      const show = one.show && path !== null && legible(one.element);
      return { ...one, show, path, dark: show ? inner(one.element) : [] };
    });
    const kept = { token, subjects: found, inline: [], sheets: roots().map((root) => [root, new CSSStyleSheet()]) };
    for (const [root, sheet] of kept.sheets) {
      sheet.replaceSync(NOTHING);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    }
    for (const [root] of kept.sheets) overrule(kept, root, () => false);
    globalThis.portalAgentCover = kept;
    return true;
  }
  const kept = globalThis.portalAgentCover;
  if (kept?.token !== token) return false;
  if (step === 'show') {
    for (const at of dark) kept.subjects[at].show = false;
    kept.sheets[0][1].replaceSync(permitting(kept));
    const generated = kept.subjects.filter(({ element, show }) => show && !plain(element));
    for (const one of generated) one.show = false;
    if (generated.length) kept.sheets[0][1].replaceSync(permitting(kept));
    for (const { element, show } of kept.subjects) if (show) element.style?.getPropertyPriority('visibility') && undo(kept, element);
    return true;
  }
  const held = kept.sheets.every(([root, sheet]) => root.adoptedStyleSheets.includes(sheet))
    && roots().length === kept.sheets.length
    && kept.subjects.every(({ element, path }) => element.isConnected && (path ? document.querySelector(path) === element : element.getRootNode() !== document));
  return held;
}

function undo(kept, wanted) {
  for (const [element, style] of kept.inline) {
    if (wanted && element !== wanted) continue;
    if (style === null) element.removeAttribute('style'); else element.setAttribute('style', style);
  }
  if (!wanted) {
    for (const [root, sheet] of kept.sheets) root.adoptedStyleSheets = [...root.adoptedStyleSheets].filter((one) => one !== sheet);
    delete globalThis.portalAgentCover;
  }
}

const account = find(ask.page.signed_in);
const answer = {
  state: {
    origin_time: performance.timeOrigin,
    ready: document.readyState,
    path: location.pathname,
    signed_in: account.length === 1 ? fold(words(account[0])) : null,
    signed_out: findShown(ask.page.signed_out).length > 0,
    busy: findShown(ask.page.busy).length > 0,
    dialogs: findShown(ask.page.dialogs).map((one) => fold(words(one))),
  },
};
if (ask.targets) {
  answer.targets = Object.fromEntries(Object.entries(ask.targets).map(([name, locators]) => {
    const shown = findShown(locators);
    return [name, { count: shown.length, element: shown[0] ?? null, usable: shown.length === 1 && usable(shown[0]), text: shown.length ? fold(shown[0].value ?? words(shown[0])) : null }];
  }));
}
if (ask.fields) {
  answer.fields = Object.fromEntries(ask.fields.map((field) => [field.id, read(field)]));
  answer.banners = banners();
}
if (ask.part) {
  const [field, name] = ask.part;
  const matched = controls(field);
  const found = matched.length === 1 ? kindParts(field, matched[0], name) : [];
  answer.parts = found.map((element) => ({ element, text: taken(field, name, element) }));
}
if (ask.panel) {
  const panel = findShown(ask.panel);
  answer.panel = panel.length;
  answer.strange = panel.length === 1 ? strange(panel[0], ask.fields) : [];
}
if (ask.complaints) {
  const invalid = everywhere('[aria-invalid=true]');
  answer.complaints = invalid.map((one) => bare(labelOf(one).text) + ': ' + complaintOf(one));
}
if (ask.tables) answer.tables = Object.fromEntries(Object.entries(ask.tables).map(([name, table]) => [name, rows(table)]));
if (ask.cover) answer.held = cover();
if (ask.show) answer.rectangles = rectangles();
if (ask.cover?.step === 'off' && globalThis.portalAgentCover) undo(globalThis.portalAgentCover);
// No page fills the agent's memory: what is longer than the agent takes is cut here already, and says so.
let room = 8e6;
function bounded(value) {
  if (typeof value === 'string') {
    const kept = value.slice(0, Math.min(100001, Math.max(room, 0)));
    room -= kept.length;
    return kept.length === value.length ? value : `${kept}… (${value.length} units)`;
  }
  if (Array.isArray(value)) return value.slice(0, 20001).map(bounded);
  if (value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, bounded(below)]));
}
return bounded(answer);
