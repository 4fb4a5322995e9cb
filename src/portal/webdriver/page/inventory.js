// Names the controls of a page for whoever writes a map: how each could be found, and never what it holds.
const FORMS = `${HOLDS}, input[type=file], output`;
const PRESSED = /^(submit|button|image|reset)$/;

// Whether these locators find this element and no other.
const finds = (locator, element) => {
  const shown = outermost(all(locator)).filter((one) => one.type === 'file' || visible(one));
  return shown.length === 1 && shown[0] === element;
};

// The best way to find an element: by what a person sees, then by what the page calls it.
function locatorOf(element) {
  const id = element.id && !/\d{2}|:/.test(element.id) ? element.id : null;
  const name = element.getAttribute('name');
  const ways = [
    { by: 'label', value: bare(labelOf(element).text) },
    { by: 'test-id', value: element.getAttribute('data-testid') },
    { by: 'css', value: name && `[name="${CSS.escape(name)}"]` },
    { by: 'css', value: id && `#${CSS.escape(id)}` },
  ];
  return ways.find((way) => way.value && finds(way, element)) ?? null;
}

// What kind of control it looks like, in the words of a map.
function widgetOf(element) {
  const role = element.getAttribute('role');
  const types = { file: 'file', number: 'number', date: 'date', time: 'time', 'datetime-local': 'date-time', checkbox: 'checkbox', radio: 'radio' };
  if (element.localName === 'output') return 'read-only';
  if (element.localName === 'select') return element.multiple ? 'multi-select' : 'select';
  if (types[element.type]) return types[element.type];
  if (role === 'checkbox') return 'checkbox';
  if (role === 'combobox') return 'select';
  return element.localName === 'textarea' || element.isContentEditable ? 'long-text' : 'text';
}

// The controls inside an element that no field of the map has found as its own, one entry for a group of radio buttons.
function inventory(outer, fields) {
  const found = fields.map((field) => [field, controls(field)]).filter(([, matched]) => matched.length === 1);
  const known = found.map(([field, [control]]) => wholeOf(field, control));
  const open = within(outer, FORMS).filter((one) => worked(one) && !PRESSED.test(one.type))
    .filter((one) => !known.some((control) => isInside(one, control)))
    .map((one) => (one.type === 'radio' ? one.closest('fieldset, [role=radiogroup]') ?? one : one));
  const apart = (one, at, all) => all.indexOf(one) === at && !all.some((other) => other !== one && isInside(one, other));
  return outermost(open).filter(apart).map((one) => {
    const radios = radiosOf(one);
    const control = radios[0] ?? one;
    return {
      label: bare(labelOf(one).text) || bare(captionOf(one, outer)),
      names: [one.id, control.getAttribute('name'), one.getAttribute('data-testid')].filter(Boolean).join(' '),
      widget: radios.length ? 'radio' : widgetOf(one),
      component: widgetOf(one) === 'select' && one.localName !== 'select',
      locate: locatorOf(one),
      required: one.type === 'file' ? demanded(one) : mandatory(one) || radios.some(demanded),
    };
  });
}

// What stands on a page, for whoever begins a map.
function outline() {
  const shown = (css) => everywhere(css).filter(visible);
  const [password] = shown('input[type=password]');
  const before = (one) => one.compareDocumentPosition(password) & Node.DOCUMENT_POSITION_FOLLOWING;
  const texts = password ? shown('input').filter((one) => /^(text|email|tel)$/.test(one.type) && before(one)) : [];
  const account = texts.at(-1);
  const buttons = shown('button, input[type=submit], input[type=button], [role=button]');
  const here = (one) => (password.form ? one.form === password.form : true);
  return {
    sign_in: password && account ? {
      account, password, ways: [locatorOf(account), locatorOf(password)],
      button: fold(nameOf(buttons.find((one) => one.type === 'submit' && here(one)) ?? buttons.find(here) ?? password)),
    } : null,
    locked: Boolean(password),
    tabs: shown('[role=tab]').map((element) => ({ element, name: nameOf(element), panel: referenced(element, 'aria-controls')[0]?.id ?? '' })),
    buttons: buttons.map(nameOf).filter(Boolean),
    controls: inventory(document.body, []),
  };
}
