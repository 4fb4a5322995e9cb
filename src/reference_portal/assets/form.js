const form = document.getElementById('exception');
const csrf = form.dataset.csrf;
const switches = form.dataset.switches.split(' ');
let reference = form.dataset.reference;
const uploads = {};

for (const tab of form.querySelectorAll('[role=tab]')) {
  tab.addEventListener('click', () => {
    for (const other of form.querySelectorAll('[role=tab]')) other.setAttribute('aria-selected', String(other === tab));
    for (const panel of form.querySelectorAll('[role=tabpanel]')) panel.hidden = panel.id !== tab.getAttribute('aria-controls');
  });
}

function complain(name, text) {
  const place = document.getElementById('complaint-' + name);
  if (place) place.textContent = text;
  const control = document.getElementById(name);
  if (control) control.setAttribute('aria-invalid', text ? 'true' : 'false');
}

// Validation as real portals do it: some at once, some by asking the server after the field was left.
form.addEventListener('change', async (event) => {
  const control = event.target;
  if (!control.name) return;
  if (switches.includes('rewrite') && control.name === 'incident') control.value = control.value.toLowerCase();
  if (switches.includes('commits')) {
    fetch('/exceptions/' + (reference || 'DRF-000001') + '/submit', { method: 'POST', body: new URLSearchParams({ csrf }) });
  }
  if (control.name === 'window_end' || control.name === 'window_start') {
    const [start, end] = [form.window_start.value, form.window_end.value];
    complain('window_end', start && end && end <= start ? 'The window must end after it starts.' : '');
  }
  if (control.name === 'incident') {
    const answer = await fetch('/api/incidents/' + encodeURIComponent(control.value));
    const known = answer.ok ? (await answer.json()).known : true;
    complain('incident', known ? '' : 'This incident is closed.');
  }
});

for (const input of form.querySelectorAll('input[type=file]')) {
  input.addEventListener('change', async () => {
    const name = input.dataset.upload;
    const list = document.getElementById('list-' + name);
    const body = new FormData();
    body.append('file', input.files[0]);
    list.setAttribute('aria-busy', 'true');
    const answer = await fetch('/api/uploads', { method: 'POST', body, headers: { 'x-csrf': csrf } });
    list.setAttribute('aria-busy', 'false');
    if (!answer.ok) return complain(name, 'The upload failed.');
    const file = await answer.json();
    uploads[name] = file.id;
    list.replaceChildren();
    const row = document.createElement('li');
    for (const [kind, part] of [['name', 'span'], ['size', 'span'], ['sha256', 'code']]) {
      const cell = document.createElement(part);
      cell.className = kind;
      cell.textContent = file[kind];
      row.append(cell, ' ');
    }
    list.append(row);
  });
}

async function save() {
  const body = new URLSearchParams(new FormData(form));
  for (const box of form.querySelectorAll('input[type=checkbox]')) if (!box.checked) body.append(box.name, '');
  for (const [name, id] of Object.entries(uploads)) body.append(name, id);
  const url = reference ? '/api/exceptions/' + reference : '/api/exceptions';
  const answer = await fetch(url, { method: 'POST', body, headers: { 'x-csrf': csrf } });
  if (answer.redirected) { location = answer.url; return; }
  if (!answer.ok) {
    const told = document.createElement('p');
    told.className = 'banner';
    told.setAttribute('role', 'alert');
    told.textContent = 'Saving failed.';
    form.before(told);
    if (answer.status === 422) for (const [name, text] of Object.entries(await answer.json())) complain(name, text);
    return;
  }
  reference = (await answer.json()).reference;
  document.querySelector('[data-testid=draft-reference]').textContent = reference;
  history.replaceState(null, '', '/exceptions/' + reference + '/edit');
}

form.addEventListener('submit', (event) => { event.preventDefault(); save(); });

if (switches.includes('autosave')) {
  form.addEventListener('change', () => {
    fetch('/api/autosave', { method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { 'x-csrf': csrf } });
  });
}
if (switches.includes('alert')) setTimeout(() => alert('Please read the new freeze policy.'), 0);
