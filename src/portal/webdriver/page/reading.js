// Reads controls, parts of controls, rows, banners.
// Whether a person can work a control: a file is often given to one that is hidden behind something to press.
const worked = (one) => visible(one) || (one.type === 'file' && [above(one), labelOf(one).element].some((near) => near && visible(near)));

function controls(field) {
  if (field.widget === 'file') {
    const all = find(field.locate);
    return all.length > 1 ? all.filter(worked) : all;
  }
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

// A control with all that its kind says is its own.
function wholeOf(field, control) {
  for (let at = field.kind?.root ? control : null; at; at = above(at)) if (at.matches(field.kind.root)) return at;
  return control;
}

// The visible parts by one name of a control that is worked as a kind says.
function kindParts(field, control, name) {
  if (name === 'self') return [wholeOf(field, control)];
  const { css, from } = field.kind.parts[name];
  const found = from === 'page' ? everywhere(css) : kindParts(field, control, from).flatMap((one) => within(one, css));
  return found.filter(visible);
}

// What a part holds.
function taken(field, name, element) {
  if (name === 'self') return part(element, 'value' in element ? '.value' : 'text');
  return told(element, field.kind.parts[name], (one) => part(one, 'text'));
}

function read(field) {
  const matched = controls(field);
  if (matched.length !== 1) return { count: matched.length };
  const element = matched[0];
  const out = {
    count: 1, element, handle: labelOf(element).element,
    label: bare(labelOf(element).text),
    // Whether a file is there, its list says: a star at its control tells nothing new.
    required: field.widget === 'file' ? demanded(element) : mandatory(element),
    // What is read-only to the keyboard may still be worked by clicks, as a kind says.
    editable: !element.disabled && (Boolean(field.kind) || !element.readOnly) && element.getAttribute('aria-disabled') !== 'true',
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
      const shown = (one) => fold(/^(INPUT|TEXTAREA|SELECT|OUTPUT)$/.test(one.tagName) ? one.value : words(one));
      const text = fold(told(element, field.locate, shown));
      if (field.list) out.choices = items.length ? items : text.split(/,\s*/).filter(Boolean); else out.text = text;
      break;
    }
    default: out.text = element.value ?? element.textContent;
  }
  return out;
}

function cell(row, wanted) {
  const one = wanted ? row.querySelector(wanted.css) : null;
  return one ? fold(told(one, wanted, (shown) => shown.getAttribute('datetime') ?? shown.textContent)) : null;
}

function rows(table) {
  return find(table.rows).map((row) => Object.fromEntries(Object.entries(table.cells).map(([name, wanted]) => [name, cell(row, wanted)])));
}

function strange(panel, fields) {
  const known = fields.flatMap((field) => controls(field).map((one) => wholeOf(field, one)));
  const isKnown = (one) => known.some((control) => isInside(one, control));
  const found = within(panel, HOLDS).filter((one) => visible(one) && !isKnown(one));
  return found.flatMap((one) => {
    const group = /^(radio|checkbox)$/.test(one.type) ? one.closest('fieldset, [role=radiogroup], [role=group]') : null;
    const caption = labelOf(one).text ? '' : captionOf(one, panel);
    if (!mandatory(one, caption) && !(group && mandatory(group))) return [];
    return [bare(labelOf(one).text) || bare(caption) || one.getAttribute('name') || one.tagName.toLowerCase()];
  });
}

function bannersShown() {
  const found = new Set([...find(ask.page.banners), ...everywhere('[role=alert], [role=alertdialog]')]);
  const shown = [...found].filter((one) => visible(one) && fold(words(one)));
  return shown.filter((one) => !shown.some((other) => other !== one && isInside(one, other)));
}

const banners = () => bannersShown().map((one) => fold(words(one)));
