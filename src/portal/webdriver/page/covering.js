// Tells what may be shown, where it is, and covers the rest while a picture is taken.
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

// What the portal announces: banners, alerts and dialogs, each as a whole.
function announced() {
  const all = [...bannersShown(), ...find(ask.page.dialogs).filter(visible)];
  return all.filter((one) => !all.some((other) => other !== one && isInside(one, other)));
}

// Where the portal writes what is wrong with a control.
function complaints(element) {
  const invalid = element.getAttribute('aria-invalid') === 'true';
  return [...referenced(element, 'aria-errormessage'), ...(invalid ? referenced(element, 'aria-describedby') : [])];
}

// What may be shown and what may not. `words` are the map's wording, in which no control is shown unless it may be itself.
function subjects() {
  const found = [];
  const add = (element, show, field, label) => found.push({ element, show, field, label, words: field === null });
  ask.show.fields.forEach((field) => {
    if (field.panel && findShown(field.panel).length !== 1) return;
    // What a file control shows is the browser's; what the portal lists stands for it.
    const listed = field.list ? find(field.list).filter(visible) : [];
    const own = parts(field).filter(visible);
    const label = own.length ? labelOf(own[0]).element : null;
    if (!listed.length) for (const element of own) add(element, field.show && field.widget !== 'file', field.at, label);
    for (const row of listed) add(row, field.show, field.at, label);
  });
  const said = ask.show.messages === 'not' ? [] : [...announced(), ...found.flatMap(({ element }) => complaints(element))];
  const messages = said.filter(visible);
  const words = ask.show.wording ? find(ask.page.wording).filter(visible) : [];
  if (ask.show.messages === 'shown') words.push(...messages);
  for (const element of new Set(words)) add(element, true, null, null);
  // Of what may not be shown, that it is there.
  if (ask.show.messages === 'marked') for (const element of new Set(messages)) found.push({ element, show: false, field: null, label: null, words: true, mark: true });
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
  for (const { path, words, show, dark, mark } of cover.subjects) {
    if (!path || mark) continue;
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
  const frames = Object.fromEntries(shownFrames().map(([name, frame]) => [name, contentOf(frame)]));
  return { page, window: [innerWidth, innerHeight], scroll: [scrollX, scrollY], scale: devicePixelRatio, items, frames };
}

// The frames that the map names, each there exactly once.
function shownFrames() {
  const found = Object.entries(ask.frames ?? {}).map(([name, locators]) => [name, findShown(locators)]);
  return found.filter(([, shown]) => shown.length === 1).map(([name, [frame]]) => [name, frame]);
}

// The frames that a person sees and no place of the map names, each with its number among all that are seen.
function unnamedFrames() {
  const seen = everywhere('iframe, frame').filter((one) => visible(one) && one.clientWidth > 1 && one.clientHeight > 1);
  const named = shownFrames().map(([, frame]) => frame);
  const numbered = seen.map((element, at) => ({ element, at: at + 1, of: seen.length }));
  return numbered.filter(({ element }) => !named.includes(element)).slice(0, 21);
}

// Where on the page the content of a frame begins.
function contentOf(frame) {
  const [left, top] = boxOf(frame);
  const style = getComputedStyle(frame);
  return [left + frame.clientLeft + parseFloat(style.paddingLeft), top + frame.clientTop + parseFloat(style.paddingTop)];
}

// A frame that the map names is rendered, and nothing of its own: what is inside it, the same question there decides.
const OPEN = {
  visibility: 'visible', background: '#fff none', 'border-color': 'transparent', 'border-image': 'none', 'box-shadow': 'none',
  outline: 'none', filter: 'none', transition: 'none', 'clip-path': 'none',
};
function openFrame(cover, frame) {
  cover.inline.push([frame, frame.getAttribute('style')]);
  for (const [name, value] of Object.entries(OPEN)) frame.style.setProperty(name, value, 'important');
}

const hides = (element) => getComputedStyle(element).visibility === 'hidden';

// Where the page's own inline style outweighs every sheet, it is outweighed inline, for the moment.
function overrule(cover, root) {
  for (const element of root.querySelectorAll('*')) {
    if (hides(element) || !element.style) continue;
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
    const frames = shownFrames();
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
    for (const [root] of kept.sheets) overrule(kept, root);
    for (const [, frame] of frames) openFrame(kept, frame);
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
  for (const [element, style] of kept.inline.toReversed()) {
    if (wanted && element !== wanted) continue;
    if (style === null) element.removeAttribute('style'); else element.setAttribute('style', style);
  }
  if (!wanted) {
    for (const [root, sheet] of kept.sheets) root.adoptedStyleSheets = [...root.adoptedStyleSheets].filter((one) => one !== sheet);
    delete globalThis.portalAgentCover;
  }
}
