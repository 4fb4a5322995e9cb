// Shoelace: web components, each in a shadow root of its own.
import '@shoelace-style/shoelace/dist/components/checkbox/checkbox.js';
import '@shoelace-style/shoelace/dist/components/input/input.js';
import '@shoelace-style/shoelace/dist/components/option/option.js';
import '@shoelace-style/shoelace/dist/components/radio-group/radio-group.js';
import '@shoelace-style/shoelace/dist/components/radio/radio.js';
import '@shoelace-style/shoelace/dist/components/select/select.js';
import '@shoelace-style/shoelace/dist/components/textarea/textarea.js';
import theme from '@shoelace-style/shoelace/dist/themes/light.css';
import { held } from './held.js';

function show(name, tag, { options = [], ...properties } = {}) {
  const label = document.querySelector(`label[for="${name}"]`);
  const control = held(name);
  const shown = document.createElement(tag);
  shown.dataset.of = name;
  if (label) {
    shown.label = label.textContent.replace(/[\s*]+$/, '');
    label.remove();
  }
  for (const { value, label } of options.length ? options : control.options) {
    const one = document.createElement(tag === 'sl-select' ? 'sl-option' : 'sl-radio');
    one.value = value;
    one.textContent = label;
    shown.append(one);
  }
  Object.assign(shown, properties);
  const box = tag === 'sl-checkbox';
  if (box) shown.textContent = shown.label;
  shown[box ? 'checked' : 'value'] = control.value ?? '';
  shown.addEventListener('sl-change', () => control.set(box ? shown.checked : shown.value));
  control.place.append(shown);
}

addEventListener('DOMContentLoaded', () => {
  if (!document.getElementById('exception')) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(theme);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  show('environment', 'sl-select');
  show('category', 'sl-select');
  show('regions', 'sl-select', { multiple: true, maxOptionsVisible: 0 });
  show('change', 'sl-input');
  show('revision', 'sl-input', { type: 'number' });
  show('title', 'sl-input');
  show('scope', 'sl-textarea');
  show('severity', 'sl-radio-group');
  show('customer_facing', 'sl-checkbox');
  show('window_start', 'sl-input', { type: 'datetime-local' });
  show('window_end', 'sl-input', { type: 'datetime-local' });
});
