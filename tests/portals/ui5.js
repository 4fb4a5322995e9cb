// UI5: web components inside of web components, with pop-ups in the top layer.
import '@ui5/webcomponents/dist/CheckBox.js';
import '@ui5/webcomponents/dist/ComboBox.js';
import '@ui5/webcomponents/dist/ComboBoxItem.js';
import '@ui5/webcomponents/dist/DatePicker.js';
import '@ui5/webcomponents/dist/DateTimePicker.js';
import '@ui5/webcomponents/dist/Input.js';
import '@ui5/webcomponents/dist/Label.js';
import '@ui5/webcomponents/dist/MultiComboBox.js';
import '@ui5/webcomponents/dist/MultiComboBoxItem.js';
import '@ui5/webcomponents/dist/Option.js';
import '@ui5/webcomponents/dist/RadioButton.js';
import '@ui5/webcomponents/dist/Select.js';
import '@ui5/webcomponents/dist/StepInput.js';
import '@ui5/webcomponents/dist/TextArea.js';
import '@ui5/webcomponents/dist/TimePicker.js';
import { registerLocaleDataLoader } from '@ui5/webcomponents-base/dist/asset-registries/LocaleData.js';
import { setDefaultFontLoading } from '@ui5/webcomponents-base/dist/config/Fonts.js';
import english from '@ui5/webcomponents-localization/dist/generated/assets/cldr/en.json';
import { crowd, held } from './held.js';

// Both would come from elsewhere.
setDefaultFontLoading(false);
registerLocaleDataLoader('en', async () => english);

function made(tag, properties, ...inner) {
  const one = Object.assign(document.createElement(tag), properties);
  one.append(...inner);
  return one;
}

// The library's own label in place of the form's.
function labelled(name, shown) {
  const label = document.querySelector(`label[for="${name}"]`);
  const text = label.textContent.replace(/[\s*]+$/, '');
  shown.required = text !== label.textContent.trim();
  if (shown.localName === 'ui5-checkbox') {
    shown.text = text;
    label.remove();
  } else {
    const own = made('ui5-label', { required: shown.required, showColon: true }, text);
    own.setAttribute('for', name);
    label.replaceWith(own);
  }
}

const value = (shown) => shown.value;
const put = (shown, value) => { shown.value = value; };

function show(name, tag, properties, { get = value, set = put, on = 'change' } = {}) {
  const control = held(name);
  const shown = made(tag, { id: name, ...properties });
  shown.style.width = '100%';
  labelled(name, shown);
  set(shown, control.value, control.options);
  shown.addEventListener(on, () => control.set(get(shown)));
  control.place.append(shown);
}

const ISO = "yyyy-MM-dd'T'HH:mm";

addEventListener('DOMContentLoaded', () => {
  if (!document.getElementById('exception')) return;
  show('environment', 'ui5-combobox', {}, {
    get: (shown) => shown.selectedValue ?? '',
    set(shown, value, options) {
      shown.append(...crowd(options).map((one) => made('ui5-cb-item', { text: one.label, value: one.value })));
      if (!value) return;
      shown.value = options.find((one) => one.value === value).label;
      shown.selectedValue = value;
    },
  });
  show('category', 'ui5-select', {}, {
    set: (shown, value, options) => shown.append(...[{ value: '', label: '' }, ...options].map((one) => (
      made('ui5-option', { value: one.value, selected: one.value === value }, one.label)
    ))),
  });
  show('regions', 'ui5-multi-combobox', {}, {
    on: 'selection-change',
    get: (shown) => shown.selectedValues,
    set(shown, value, options) {
      shown.append(...options.map((one) => made('ui5-mcb-item', { text: one.label, value: one.value })));
      shown.selectedValues = value;
    },
  });
  show('change', 'ui5-input');
  show('revision', 'ui5-step-input', { min: 0 }, { get: (shown) => String(shown.value), set: (shown, value) => put(shown, Number(value)) });
  show('title', 'ui5-input');
  show('scope', 'ui5-textarea', { rows: 4 });
  show('customer_facing', 'ui5-checkbox', {}, {
    get: (shown) => shown.checked,
    set: (shown, value) => { shown.checked = value; },
  });
  show('since', 'ui5-date-picker', { valueFormat: 'yyyy-MM-dd', displayFormat: 'dd.MM.yyyy' });
  show('window_start', 'ui5-datetime-picker', { valueFormat: ISO, displayFormat: 'dd/MM/yyyy, HH:mm' });
  show('window_end', 'ui5-datetime-picker', { valueFormat: ISO, displayFormat: 'dd/MM/yyyy, HH:mm' });
  show('checkpoint', 'ui5-time-picker', { formatPattern: 'HH:mm' });

  const severity = held('severity');
  severity.place.append(...severity.options.map((one) => {
    const shown = made('ui5-radio-button', { name: 'severity-shown', text: one.label, value: one.value });
    shown.checked = one.value === severity.value;
    shown.addEventListener('change', () => severity.set(one.value));
    return shown;
  }));
});
