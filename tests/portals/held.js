// The form's own controls keep what is saved; components are shown in their place.

// The control of this name, out of sight, and where its component is to be.
export function held(name) {
  const control = document.getElementById(name);
  const place = document.createElement('div');
  place.style.minWidth = '24rem';
  if (control.tagName === 'FIELDSET') {
    const choices = [...control.querySelectorAll('.choice')];
    choices[0].before(place);
    choices.forEach((choice) => { choice.hidden = true; });
    const radios = choices.map((choice) => choice.querySelector('input'));
    radios.forEach((radio) => { radio.id += '-held'; });
    return {
      place,
      options: choices.map((choice, at) => ({ value: radios[at].value, label: choice.textContent.trim() })),
      value: radios.find((radio) => radio.checked)?.value,
      set(value) { radios.forEach((radio) => { radio.checked = radio.value === value; }); heard(radios[0]); },
    };
  }
  control.before(place);
  control.id = `${name}-held`;
  control.style.display = 'none';
  control.required = false;
  control.removeAttribute('aria-required');
  const many = control.multiple;
  const offered = [...(control.options ?? [])].filter((option) => option.value);
  return {
    place,
    options: offered.map((option) => ({ value: option.value, label: option.text })),
    value: many ? [...control.selectedOptions].map((option) => option.value) : control.type === 'checkbox' ? control.checked : control.value,
    set(value) {
      if (many) for (const option of control.options) option.selected = value.includes(option.value);
      else if (control.type === 'checkbox') control.checked = value;
      else control.value = value ?? '';
      heard(control);
    },
  };
}

function heard(control) {
  control.dispatchEvent(new Event('change', { bubbles: true }));
}

// Hundreds of further options, with namesakes, as a configuration database has them.
export function crowd(options) {
  const others = Array.from({ length: 600 }, (_, at) => ({ value: `x${at}`, label: `Production ${at}` }));
  return [...others.slice(0, 300), ...options, ...others.slice(300)];
}
