// Answers what was asked.
const account = find(ask.page.signed_in);
const answer = {
  state: {
    origin_time: performance.timeOrigin,
    ready: document.readyState,
    path: location.pathname,
    signed_in: account.length === 1 ? fold(told(account[0], ask.page.signed_in, words)) : null,
    signed_out: findShown(ask.page.signed_out).length > 0,
    busy: findShown(ask.page.busy).length > 0,
    dialogs: findShown(ask.page.dialogs).map((one) => fold(words(one))),
  },
};
if (ask.frames) {
  answer.frames = Object.fromEntries(Object.entries(ask.frames).map(([name, locators]) => {
    const shown = findShown(locators);
    return [name, { count: shown.length, element: shown[0] ?? null }];
  }));
}
if (ask.targets) {
  answer.targets = Object.fromEntries(Object.entries(ask.targets).map(([name, locators]) => {
    const shown = findShown(locators);
    return [name, { count: shown.length, element: shown[0] ?? null, usable: shown.length === 1 && usable(shown[0]), origin_time: performance.timeOrigin, text: shown.length ? fold(told(shown[0], locators, (one) => one.value ?? words(one))) : null }];
  }));
}
if (ask.fields) {
  answer.fields = Object.fromEntries(ask.fields.map((field) => [field.id, read(field)]));
  answer.banners = banners();
  answer.unnamed = unnamedFrames();
}
if (ask.part) {
  const [field, name] = ask.part;
  const matched = controls(field);
  const found = matched.length === 1 ? kindParts(field, matched[0], name) : [];
  answer.parts = found.map((element) => ({ element, text: taken(field, name, element) }));
}
if (ask.panel) {
  const panel = findShown(ask.panel);
  answer.panel = panel.length;
  answer.strange = panel.length === 1 ? strange(panel[0], ask.fields) : [];
}
if (ask.inventory) {
  const panel = findShown(ask.inventory);
  answer.inventory = panel.length === 1 ? inventory(panel[0], ask.fields) : [];
}
if (ask.outline) answer.outline = outline();
if (ask.complaints) {
  const invalid = everywhere('[aria-invalid=true]');
  answer.complaints = invalid.map((one) => bare(labelOf(one).text) + ': ' + complaintOf(one));
}
if (ask.tables) answer.tables = Object.fromEntries(Object.entries(ask.tables).map(([name, table]) => [name, rows(table)]));
if (ask.cover) answer.held = cover();
if (ask.show) answer.rectangles = rectangles();
if (ask.cover?.step === 'off' && globalThis.portalAgentCover) undo(globalThis.portalAgentCover);
// No page fills the agent's memory: what is longer than the agent takes is cut here already, and says so.
let room = 8e6;
function bounded(value) {
  if (typeof value === 'string') {
    const kept = value.slice(0, Math.min(100001, Math.max(room, 0)));
    room -= kept.length;
    return kept.length === value.length ? value : `${kept}… (${value.length} units)`;
  }
  if (Array.isArray(value)) return value.slice(0, 20001).map(bounded);
  if (value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, bounded(below)]));
}
return bounded(answer);
