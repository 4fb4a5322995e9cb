// Ant Design: searchable and virtual selects, tags, pickers with a confirmation, steppers.
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import dayjs from 'dayjs';
import { Checkbox, DatePicker, Input, InputNumber, Radio, Select } from 'antd';
import { crowd, held } from './held.js';

function show(name, component) {
  const control = held(name);
  const Shown = () => {
    const [value, setValue] = useState(control.value);
    return component({ id: name, control, value, change: (next) => { setValue(next); control.set(next); } });
  };
  createRoot(control.place).render(<Shown />);
}

const moment = (pattern, showTime) => ({ id, value, change }) => (
  <DatePicker id={id} format={pattern} showTime={showTime} value={value ? dayjs(value) : null} style={{ width: '100%' }}
    onChange={(next) => change(next ? next.format(showTime ? 'YYYY-MM-DDTHH:mm' : 'YYYY-MM-DD') : '')} />
);

addEventListener('DOMContentLoaded', () => {
  if (!document.getElementById('exception')) return;
  show('environment', ({ id, control, value, change }) => (
    <Select id={id} showSearch={{ optionFilterProp: 'label' }} allowClear options={crowd(control.options)} value={value || undefined} onChange={change} style={{ width: '100%' }} />
  ));
  show('regions', ({ id, control, value, change }) => (
    <Select id={id} mode="multiple" options={crowd(control.options)} value={value} onChange={change} style={{ width: '100%' }} />
  ));
  show('revision', ({ id, value, change }) => (
    <InputNumber id={id} min={1} value={value === '' ? null : Number(value)} onChange={(next) => change(next === null ? '' : String(next))} />
  ));
  show('title', ({ id, value, change }) => <Input id={id} value={value} onChange={(event) => change(event.target.value)} />);
  show('scope', ({ id, value, change }) => (
    <Input.TextArea id={id} autoSize value={value} onChange={(event) => change(event.target.value)} />
  ));
  show('severity', ({ control, value, change }) => (
    <Radio.Group options={control.options} value={value} onChange={(event) => change(event.target.value)} />
  ));
  show('customer_facing', ({ id, value, change }) => (
    <Checkbox id={id} checked={value} onChange={(event) => change(event.target.checked)} />
  ));
  show('since', moment('DD.MM.YYYY', false));
  show('window_start', moment('YYYY-MM-DD HH:mm', { format: 'HH:mm' }));
  show('window_end', moment('YYYY-MM-DD HH:mm', { format: 'HH:mm' }));
});
