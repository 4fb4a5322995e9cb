// Fluent UI: web components that tell what they hold by states of their own alone; and the rich text of Quill.
import { webLightTheme } from '@fluentui/tokens';
import '@fluentui/web-components/checkbox.js';
import '@fluentui/web-components/dropdown.js';
import '@fluentui/web-components/field.js';
import '@fluentui/web-components/listbox.js';
import '@fluentui/web-components/option.js';
import '@fluentui/web-components/radio-group.js';
import '@fluentui/web-components/radio.js';
import '@fluentui/web-components/text-input.js';
import '@fluentui/web-components/textarea.js';
import { setTheme } from '@fluentui/web-components/theme/index.js';
import Quill from 'quill';
import snow from 'quill/dist/quill.snow.css';
import { crowd, held } from './held.js';

function made(tag, attributes, ...inner) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== false) one.setAttribute(name, value === true ? '' : value);
  one.append(...inner);
  return one;
}

const value = (shown) => shown.value;
const put = (shown, value) => { shown.value = value; };
const box = { get: (shown) => shown.checked, set: (shown, value) => { shown.checked = value; } };

// A field of the library, with the form's label in it.
function show(name, tag, attributes, { inner = () => [], get = value, set = put } = {}) {
  const label = document.querySelector(`label[for="${name}"]`);
  const control = held(name);
  const shown = made(tag, { id: name, slot: 'input', ...attributes }, ...inner(control));
  label.slot = 'label';
  set(shown, control.value, control.options);
  control.place.append(made('fluent-field', tag === 'fluent-checkbox' ? { 'label-position': 'after' } : {}, label, shown));
  shown.addEventListener('change', () => control.set(get(shown)));
}

// The list of a dropdown.
const list = (offered) => (control) => [made('fluent-listbox', {}, ...offered(control.options).map((one) => (
  made('fluent-option', { value: one.value, selected: one.value === control.value }, one.label)
)))];

const dropdown = (offered) => ({
  inner: list(offered),
  get: (shown) => shown.value ?? '',
  set(shown, value, options) {
    if (shown.type === 'combobox') shown.setAttribute('value', options.find((one) => one.value === value)?.label ?? '');
  },
});

addEventListener('DOMContentLoaded', () => {
  if (!document.getElementById('exception')) return;
  setTheme(webLightTheme);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(snow);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  show('environment', 'fluent-dropdown', { type: 'combobox' }, dropdown(crowd));
  show('category', 'fluent-dropdown', { placeholder: 'Choose…' }, dropdown((options) => options));
  show('change', 'fluent-text-input');
  show('title', 'fluent-text-input');
  show('rollback_owner', 'fluent-text-input');
  show('rollback_trigger', 'fluent-textarea');
  show('customer_facing', 'fluent-checkbox', {}, box);
  show('rollback_tested', 'fluent-checkbox', {}, box);

  const severity = held('severity');
  const radio = ({ value }) => made('fluent-radio', { slot: 'input', name: 'severity-shown', value, checked: value === severity.value });
  const group = made('fluent-radio-group', {}, ...severity.options.map((one) => (
    made('fluent-field', { 'label-position': 'after' }, made('label', { slot: 'label' }, one.label), radio(one))
  )));
  group.addEventListener('change', () => severity.set(group.value));
  severity.place.append(group);

  const label = document.querySelector('label[for="scope"]');
  const scope = held('scope');
  const editor = made('div', {});
  scope.place.append(editor);
  const toolbar = [[{ header: [1, 2, false] }], ['bold', 'italic'], [{ list: 'ordered' }, { list: 'bullet' }], ['link']];
  const quill = new Quill(editor, { theme: 'snow', modules: { toolbar } });
  label.id = 'scope-label';
  quill.root.setAttribute('role', 'textbox');
  quill.root.setAttribute('aria-multiline', 'true');
  quill.root.setAttribute('aria-labelledby', label.id);
  quill.setText(scope.value);
  quill.on('text-change', () => scope.set(quill.getText().replace(/\n$/, '')));
});
