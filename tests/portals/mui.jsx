// Material UI: look-ups that filter, tags, menus at the end of the body.
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Autocomplete, Checkbox, FormControlLabel, MenuItem, Radio, RadioGroup, Select, TextField } from '@mui/material';
import { crowd, held } from './held.js';

function show(name, component) {
  const control = held(name);
  const Shown = () => {
    const [value, setValue] = useState(control.value);
    const change = (next) => { setValue(next); control.set(next); };
    return component({ id: name, control, value, change });
  };
  createRoot(control.place).render(<Shown />);
}

const option = (options, value) => options.find((one) => one.value === value) ?? null;

addEventListener('DOMContentLoaded', () => {
  if (!document.getElementById('exception')) return;
  show('environment', ({ id, control, value, change }) => {
    const options = crowd(control.options);
    return <Autocomplete id={id} options={options} value={option(options, value)} onChange={(_, next) => change(next?.value ?? '')}
      isOptionEqualToValue={(one, other) => one.value === other.value} renderInput={(params) => <TextField {...params} />} />;
  });
  show('category', ({ id, control, value, change }) => (
    <Select id={id} value={value} onChange={(event) => change(event.target.value)} fullWidth
      SelectDisplayProps={{ 'aria-label': 'Exception category', 'aria-labelledby': undefined }}>
      {control.options.map((one) => <MenuItem key={one.value} value={one.value}>{one.label}</MenuItem>)}
    </Select>
  ));
  show('regions', ({ id, control, value, change }) => {
    const options = crowd(control.options);
    return <Autocomplete multiple id={id} options={options} value={value.map((one) => option(options, one))} onChange={(_, next) => change(next.map((one) => one.value))}
      isOptionEqualToValue={(one, other) => one.value === other.value} renderInput={(params) => <TextField {...params} />} />;
  });
  show('title', ({ id, value, change }) => <TextField id={id} fullWidth value={value} onChange={(event) => change(event.target.value)} />);
  show('scope', ({ id, value, change }) => <TextField id={id} fullWidth multiline value={value} onChange={(event) => change(event.target.value)} />);
  show('severity', ({ control, value, change }) => (
    <RadioGroup row value={value ?? ''} onChange={(event) => change(event.target.value)}>
      {control.options.map((one) => <FormControlLabel key={one.value} value={one.value} control={<Radio />} label={one.label} />)}
    </RadioGroup>
  ));
  show('customer_facing', ({ id, value, change }) => <Checkbox id={id} checked={value} onChange={(event) => change(event.target.checked)} />);
});
