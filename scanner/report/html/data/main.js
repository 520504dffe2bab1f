// The page itself: views, filters, keys.

const VIEWS = {
  groups: { title: "Groups", items: groupsWanted, card: groupCard, noun: "group" },
  roles: { title: "Roles", items: rolesWanted, card: roleCard, noun: "role" },
  functions: { title: `${capital(DATA.noun)}s`, items: functionsWanted, card: functionCard, noun: DATA.noun },
};
const STATE_TITLES = { ...STATES, other: "Fails the check, though it is no excess" };

const app = document.getElementById("app");
const search = el("input", { type: "search", id: "search", placeholder: `Search actions, resources, roles, ${DATA.noun}s ...`,
  "aria-keyshortcuts": "/", autocomplete: "off", spellcheck: "false" });
const selects = {};
const tabs = {};
const marks = new Map();
const result = el("p", { class: "result", role: "status" });
const list = el("div", { id: "list", role: "tabpanel", tabindex: -1 });
const clear = el("button", { type: "button", class: "clear", onclick: () => ask(NOTHING) }, "Clear filters");
const NOTHING = { q: "", severity: new Set(), verdict: "", state: "", service: "", framework: "", role: "" };
let pages = null;

function ask(change) {
  Object.assign(wanted, change);
  show();
  if ("view" in change) tabs[wanted.view].focus();
}

// --- controls

function tabList() {
  for (const [name, { title }] of Object.entries(VIEWS)) {
    tabs[name] = el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "list",
      onclick: () => ask({ view: name }) }, title, " ", el("span", { class: "count" }, model[name].length.toLocaleString("en")));
  }
  const bar = el("div", { class: "tabs", role: "tablist", "aria-label": "Views" }, ...Object.values(tabs));
  bar.addEventListener("keydown", (event) => {
    const names = Object.keys(VIEWS);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) ask({ view: names[(names.indexOf(wanted.view) + step + names.length) % names.length] });
  });
  return bar;
}

// The severities with their counts are the first filter.
function severityMarks() {
  const open = model.findings.filter(isExcess);
  for (const severity of SEVERITIES) {
    const those = open.filter((finding) => finding.severity === severity);
    if (!those.length) continue;
    const confirmed = those.filter((finding) => finding.state === "confirmed").length;
    marks.set(severity, el("button", { type: "button", class: `severity-filter ${severity}`, "aria-pressed": "false",
      title: `${confirmed} confirmed, ${those.length - confirmed} not confirmed`, onclick: () => toggle(severity) },
      el("b", {}, those.length.toLocaleString("en")), ` ${DATA.effects[severity]}`));
  }
  return marks.size ? el("div", { class: "severities", role: "group", "aria-label": "Severity" }, ...marks.values()) : null;
}

function toggle(severity) {
  const chosen = new Set(wanted.severity);
  if (!chosen.delete(severity)) chosen.add(severity);
  ask({ severity: chosen });
}

function filters() {
  const fields = [];
  for (const [key, label] of Object.entries(SELECTS)) {
    const choices = CHOICES[key]();
    if (!choices.length) continue;
    selects[key] = el("select", { id: `filter-${key}` }, el("option", { value: "" }, "any"),
      ...choices.map(([value, text]) => el("option", { value }, text)));
    selects[key].addEventListener("change", () => ask({ [key]: selects[key].value }));
    fields.push(el("div", { class: "field" }, el("label", { for: `filter-${key}` }, label), selects[key]));
  }
  const details = box(["Filters"], () => [el("div", { class: "filters" }, ...fields)], { class: "filter-box" });
  if (matchMedia("(min-width: 46.01rem)").matches) open(details);
  details.fill();
  return details;
}

// --- the list

function show() {
  const { items, card, noun } = VIEWS[wanted.view];
  for (const [name, tab] of Object.entries(tabs)) {
    tab.setAttribute("aria-selected", String(name === wanted.view));
    tab.tabIndex = name === wanted.view ? 0 : -1;
  }
  list.setAttribute("aria-labelledby", `tab-${wanted.view}`);
  for (const [severity, mark] of marks) mark.setAttribute("aria-pressed", String(wanted.severity.has(severity)));
  for (const [key, select] of Object.entries(selects)) select.value = wanted[key];
  if (search.value !== wanted.q) search.value = wanted.q;
  clear.hidden = !(wanted.q || wanted.role || asksForFindings());
  const found = items();
  const of = found.length < model[wanted.view].length ? ` of ${model[wanted.view].length.toLocaleString("en")}` : "";
  result.textContent = found.length ? `${found.length.toLocaleString("en")}${of} ${noun}${found.length === 1 && !of ? "" : "s"}`
    : model[wanted.view].length ? `No ${noun} fits: clear a filter or search for less` : `There is no ${noun}`;
  if (pages) pages.end();
  let before = "";
  const withTitle = (item) => {
    const isNew = wanted.view === "groups" && item.state !== before;
    before = item.state;
    const made = card(item);
    if (!isNew) return made;
    const part = document.createDocumentFragment();
    part.append(el("h2", { class: "state" }, STATE_TITLES[item.state]), made);
    return part;
  };
  pages = paged(list, found, withTitle, noun);
  if (found.length === 1) open(list.querySelector("details"));
  toAddress();
}

let waiting = 0;
search.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => ask({ q: search.value.trim() }), 80);
});

document.addEventListener("keydown", (event) => {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && event.target === search) {
    ask({ q: "" });
  }
});

window.addEventListener("hashchange", () => { fromAddress(); show(); });
// On paper all that the filters show is open. What was closed before is closed afterwards.
let opened = [];

function openForPrint() {
  pages.all();
  const cards = [...list.querySelectorAll(":scope > details.card")];
  opened = opened.concat(cards.filter((card) => !card.open));
  cards.forEach(open);
  for (const container of list.querySelectorAll(".members")) container.showAll?.();
}

function closeAfterPrint() {
  for (const card of opened) card.open = false;
  opened = [];
}

window.addEventListener("beforeprint", openForPrint);
window.addEventListener("afterprint", closeAfterPrint);

app.append(
  all.granted ? overview() : "",
  el("div", { class: "toolbar" },
    el("div", { class: "search" }, el("label", { for: "search", class: "visually-hidden" }, "Search"), search,
      el("kbd", { "aria-hidden": "true" }, "/")),
    tabList()),
  severityMarks() || "", filters(), el("div", { class: "found" }, result, clear), list, live);
fromAddress();
show();
app.hidden = false;
document.getElementById("plain").hidden = true;
